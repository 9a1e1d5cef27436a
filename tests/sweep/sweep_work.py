"""Work functions for the tests of sweeps; light to import, as worker processes import them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from gengap.errors import InputError
from gengap.sweep import Context, Job


def jobs(*payloads, **columns):
    """One unit a payload; the key is the payload's text."""
    return [[Job(str(p), f"job {p}", p, columns)] for p in payloads]


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


class NoExceptionAtAll(BaseException):
    pass


class MuteError(Exception):
    def __str__(self) -> str:
        raise TypeError("no words")


def square(payloads: list, context: Context) -> list[dict]:
    """Squares numbers; words are accidents."""
    return [{"status": "done", "value": _value(p, context), "history": [{"epoch": 1, "value": p}]} for p in payloads]


def _value(payload, context: Context):
    if isinstance(payload, int):
        return payload**2
    if payload == "raise":
        raise ValueError("no such thing")
    if payload == "memory":
        raise MemoryError("64 GiB")
    if payload == "torch memory":
        raise OutOfMemoryError("CUDA out of memory")
    if payload == "cpu memory":
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
    if payload == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if payload == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if payload == "exit":
        sys.exit(7)
    if payload == "hard exit":
        os._exit(7)
    if payload == "base exception":
        raise NoExceptionAtAll("nobody catches it")
    if payload == "interrupt":
        raise KeyboardInterrupt
    if payload == "mute exception":
        raise MuteError
    if payload == "set":
        return {1, 2}
    if payload == "unpicklable":
        return lambda: None
    if payload == "print":
        print("printed by the work")
    if payload == "print in C":
        os.write(1, b"written by the work\n")
        subprocess.run(["echo", "echoed by the work"], check=True)
    if payload == "report":
        context.report(1, 4, "accuracy 0.5")
    if payload == "sleep":
        time.sleep(600)
    return None


def threads(payloads: list, context: Context) -> list[dict]:
    """Tells how it was run."""
    row = {"status": "done", "pid": os.getpid(), "threads": context.threads, "omp": os.environ.get("OMP_NUM_THREADS")}
    return [row for _ in payloads]


def too_few(payloads: list, context: Context) -> list[dict]:
    return []


def no_status(payloads: list, context: Context) -> list[dict]:
    return [{"value": 1} for _ in payloads]


def count_with_checkpoint(payloads: list, context: Context) -> list[dict]:
    """Counts its attempts in the checkpoint and succeeds at the second."""
    attempts = int(context.checkpoint.read_text()) + 1 if context.checkpoint.exists() else 1
    context.checkpoint.write_text(str(attempts))
    if attempts < 2:
        raise RuntimeError("first attempt")
    return [{"status": "diverged", "attempts": attempts, "where": str(context.checkpoint)} for _ in payloads]


def meet(payloads: list, context: Context) -> list[dict]:
    """Ends only when as many units run at the same time as the payload says."""
    folder, name, others = payloads[0]
    (Path(folder) / name).touch()
    while not all((Path(folder) / other).exists() for other in others):
        time.sleep(0.01)
    return [{"status": "done"}]


def slow_after_two(payloads: list, context: Context) -> list[dict]:
    """The first two jobs end at once, the others hardly ever."""
    if payloads[0] >= 2:
        context.report(1, 4, "waiting")
        time.sleep(600)
    return [{"status": "done", "value": payloads[0]}]


def report_for_ever(payloads: list, context: Context) -> list[dict]:
    """Shows that it runs by its checkpoint, and reports until nobody listens."""
    context.checkpoint.touch()
    while True:
        context.report(1, 4, "still here")
        time.sleep(0.05)


def children(payloads: list, context: Context) -> list[dict]:
    """Starts a process of its own, as what loads data in the background does."""
    import multiprocessing

    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(0.01,))
    process.start()
    process.join()
    return [{"status": "done", "code": process.exitcode} for _ in payloads]


def pid_and(value: int) -> list:
    return [os.getpid(), value]


def segfault() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def raise_base_exception() -> None:
    raise NoExceptionAtAll("nobody catches it")


def refuse() -> None:
    raise InputError("no", expected="yes", next_step="ask again")


def logged(payloads: list, context: Context) -> list[dict]:
    """Notes in a file that it ran."""
    with open(os.environ["LOG"], "a") as log:
        log.write(f"{payloads[0]}\n")
    time.sleep(0.02)
    return square(payloads, context)


def leave_a_part(payloads: list, context: Context) -> list[dict]:
    context.checkpoint.with_name("checkpoint.123.part").touch()
    raise RuntimeError("killed while it wrote")


def fail_with_listing(payloads: list, context: Context) -> list[dict]:
    raise RuntimeError([file.name for file in context.checkpoint.parent.iterdir()])


def never_listens(payloads: list, context: Context) -> list[dict]:
    """Computes for ever without a word to its parent."""
    context.checkpoint.touch()
    while True:
        sum(range(10**6))


def visible_gpu(payloads: list, context: Context) -> list[dict]:
    """What CUDA would show this process, and which process it is; long enough for the other worker to have its turn."""
    time.sleep(0.3)
    return [{"status": "done", "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"), "pid": os.getpid()} for _ in payloads]
