"""Units in worker processes, among which the cores are divided."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

from gengap.sweep import failures
from gengap.sweep.jobs import Unit, Work
from gengap.sweep.own_modules import own_modules
from gengap.sweep.process import Child, Ended
from gengap.sweep.progress import Board
from gengap.sweep.queue import POLL_S, Queue
from gengap.sweep.runners.attempt import Checkpoints, Outcome, Outcomes, Report, attempt
from gengap.sweep.runners.here import run_here
from gengap.sweep.runners.parcel import Parcel, packed
from gengap.sweep.runners.surroundings import Surroundings

_IDLE_S = 300.0  # a worker that waits longer for its next unit ends


class Unimportable(NamedTuple):
    """The worker cannot import the work, or something in its payloads."""

    reason: str


class Loaded(NamedTuple):
    """What a worker holds that may be out of date, or in the way, when it gets its next unit.

    Attributes:
        files: Source files of loaded modules that belong to no installed package -> size and time of last change.
        has_gpu: Whether it holds a GPU's memory.
    """

    files: dict[str, tuple[int, int]]
    has_gpu: bool


class Done(NamedTuple):
    """A unit's outcome, and what the worker holds now."""

    outcome: Outcome
    loaded: Loaded


def in_workers(
    queue: Queue,
    work: Work,
    checkpoints: Checkpoints,
    board: Board,
    *,
    workers: int,
    threads: int,
    timeout_s: float | None,
    gpus: Sequence[str] = (),
) -> Outcomes:
    """Runs units in long-lived processes, each with one unit at a time, and yields them with their outcomes.

    Where ``gpus`` are named, at least one a worker, no two workers at a time use the same.

    A worker that dies or takes too long costs its unit only; another takes its place. A unit that no worker can import
    runs in this process.
    """
    here = partial(run_here, work=work, checkpoints=checkpoints, board=board, threads=threads, timeout_s=timeout_s)
    busy: dict[Worker, Unit] = {}
    try:
        while busy or queue.is_open:
            while len(busy) < workers and (unit := queue.take()) is not None:
                board.started(unit)
                try:
                    parcel = packed(work, [job.payload for job in unit])
                except Exception as error:
                    reason = f"it cannot be sent to another process ({type(error).__name__}: {error})"
                    yield unit, here(unit, reason=reason)
                    continue
                taken = {worker.gpu for worker in busy}
                worker = Worker(threads, timeout_s, next((gpu for gpu in gpus if gpu not in taken), ""))
                busy[worker] = unit
                worker.begin(parcel, checkpoints(unit))
            ready = [waitable for worker in busy for waitable in worker.child.waitables]
            if not ready:
                time.sleep(POLL_S)
                continue
            wait(ready, _patience(busy, others=queue.is_open and len(busy) < workers))
            for worker, unit in list(busy.items()):
                outcome = worker.poll(partial(_show, board, unit))
                if outcome is None:
                    continue
                del busy[worker]
                if isinstance(outcome, Unimportable):
                    outcome = here(unit, reason=outcome.reason)
                worker.end()
                yield unit, outcome
    finally:
        for worker in busy:
            worker.child.stop()


def whole(parcel: Parcel, checkpoint: Path, *, threads: int, timeout_s: float | None) -> "Outcome | Unimportable":
    """The outcome of one unit in a worker, waited for; the worker is stopped where the wait is interrupted."""
    worker = Worker(threads, timeout_s)
    try:
        worker.begin(parcel, checkpoint)
        while (outcome := worker.poll(lambda report: None)) is None:
            wait(worker.child.waitables, worker.patience)
    except BaseException:
        worker.child.stop()
        raise
    worker.end()
    return outcome


def _show(board: Board, unit: Unit, report: Report) -> None:
    board.report(unit, *report)


def stop_gpu_workers() -> None:
    """Ends idle workers that hold a GPU's memory."""
    for key, children in _IDLE.items():
        for child in children:
            if child.loaded.has_gpu:
                child.process.stop()
        _IDLE[key] = [child for child in children if not child.loaded.has_gpu]


class Worker:
    """A worker process as the parent sees it: how long it may take for its unit, and whether it still runs.

    Attributes:
        gpu: The one CUDA device that it sees; empty where it sees those of this process.
    """

    def __init__(self, threads: int, timeout_s: float | None, gpu: str = ""):
        self.gpu = gpu
        self.child = _idle_child(threads, gpu) or Child(serve, threads, threads=threads)
        self.deadline: float | None = None
        self._threads, self._timeout_s = threads, timeout_s
        self._is_gone = False
        self._loaded = Loaded({}, False)

    def begin(self, parcel: Parcel, checkpoint: Path) -> None:
        """Gives the worker a unit."""
        self.deadline = None
        self._surroundings = Surroundings.of_this_process().with_one_gpu(self.gpu)
        self.child.send((self._surroundings, parcel, checkpoint))

    def poll(self, show: Callable[[Report], None]) -> Outcome | Unimportable | None:
        """The outcome of the unit, or None while it runs; never waits. Reports are shown."""
        try:
            while wait(self.child.waitables, timeout=0):
                message: Report | Done | Unimportable = self.child.receive()
                if isinstance(message, Unimportable):
                    return message
                if isinstance(message, Done):
                    self._loaded = message.loaded
                    return message.outcome
                if self.deadline is None and self._timeout_s is not None:
                    self.deadline = time.monotonic() + self._timeout_s
                show(message)
        except Ended as end:
            self._is_gone = True
            return end.cause
        if self.deadline is not None and self._timeout_s is not None and time.monotonic() >= self.deadline:
            self._is_gone = True
            return failures.of_time_out(self._timeout_s)
        return None

    @property
    def patience(self) -> float | None:
        """Seconds until its time is up; None where it has no limit, or its clock does not run yet."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def end(self) -> None:
        """The process waits for the next unit, of this sweep or another, unless it is gone."""
        if self._is_gone:
            self.child.stop()
        else:
            idle = _IDLE.setdefault((self._threads, self.gpu, threading.get_ident()), [])
            idle.append(_Idle(self.child, self._loaded, self._surroundings, time.monotonic()))


class _Idle(NamedTuple):
    process: Child
    loaded: Loaded
    surroundings: Surroundings
    since: float

    def is_usable(self) -> bool:
        """Whether it would compute what a new process would: no source has changed or stands elsewhere now."""
        if not self.process.is_alive or time.monotonic() - self.since > _IDLE_S / 2:
            return False
        now = Surroundings.of_this_process()
        same_place = (self.surroundings.folder, self.surroundings.path) == (now.folder, now.path)
        return not self.loaded.files or (same_place and self.loaded.files == _stamps(self.loaded.files))


# (threads, GPU, thread that started them) -> idle workers. By thread, since on Linux a worker gets its death signal
# when the thread that started it ends; by GPU, since a process that has used one cannot be shown another.
_IDLE: dict[tuple[int, str, int], list[_Idle]] = {}


def _idle_child(threads: int, gpu: str) -> Child | None:
    children = _IDLE.get((threads, gpu, threading.get_ident()), [])
    while children:
        child = children.pop()
        if child.is_usable():
            return child.process
        child.process.stop()
    return None


def _patience(busy: Iterable[Worker], *, others: bool) -> float | None:
    """Seconds until something else than a message is to be looked at."""
    times = [worker.patience for worker in busy if worker.patience is not None] + [POLL_S] * others
    return min(times, default=None)


def serve(connection: "Connection[Any, Any]", threads: int) -> None:
    """What a worker process does until the parent hangs up; a unit's clock runs from its first report."""
    while connection.poll(_IDLE_S):
        surroundings, parcel, checkpoint = connection.recv()
        connection.send(Report(0, 0, ""))
        try:
            surroundings.take_over()
            work, payloads = parcel.opened()
        except BaseException as error:
            connection.send(Unimportable(f"no other process can import it ({type(error).__name__}: {error})"))
            continue
        try:
            outcome = attempt(work, payloads, checkpoint, threads, connection.send)
        except BaseException as error:  # Ctrl-C never comes here: it is the work's own
            outcome = failures.of_exception(error)
        connection.send(Done(outcome, _loaded()))


def _loaded() -> Loaded:
    torch = sys.modules.get("torch")
    return Loaded(_stamps(own_modules().values()), torch is not None and torch.cuda.is_initialized())


def _stamps(files: Iterable[str]) -> dict[str, tuple[int, int]]:
    stamps = {}
    for file in files:
        try:
            result = os.stat(file)
        except OSError:
            stamps[file] = (-1, -1)
        else:
            stamps[file] = (result.st_size, result.st_mtime_ns)
    return stamps
