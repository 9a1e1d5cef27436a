"""Runs jobs that have no stored result, and stores what they give."""

import pickle
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from gengap.errors import InputError
from gengap.keys import unit_key
from gengap.store import RESULTS, Store, store_errors
from gengap.store.leases import Leases
from gengap.sweep.failures import Cause
from gengap.sweep.jobs import Failure, Interrupted, Job, SweepResult, Unit, Work
from gengap.sweep.progress import Board
from gengap.sweep.queue import Queue
from gengap.sweep.runners import Outcome, Outcomes, Share, in_process, in_workers, on_ray, stop_gpu_workers
from gengap.sweep.signals import ending_signals_interrupt
from gengap.sweep.threads import available_cores

# Long enough for what is trained on purpose, short enough that a unit that hangs does not hold a sweep for ever.
TIME_LIMIT_S = 24 * 3600.0

Runner = Callable[..., Outcomes]


def run(
    units: Iterable[Unit],
    work: Work,
    store: Store,
    *,
    workers: int = 1,
    threads: int | None = None,
    timeout_s: float | None = TIME_LIMIT_S,
    progress: bool = True,
    in_driver: str = "",
    ray: Share | None = None,
    folder: Path | None = None,
    gpus: Sequence[str] = (),
) -> SweepResult:
    """Runs every job that has no stored result, and stores each row as soon as it is there.

    A job's row is ``job.columns``, then what the work function returned, under the job's key. When a unit raises,
    lacks memory, ends its process, is killed or takes too long, its jobs' rows hold ``status``, ``reason`` and
    ``traceback``, the sweep goes on, and the next run tries them again. Keys that occur twice run once.

    Units run in worker processes, which end when this one does. Work that no other process can import (a lambda, a
    function of a notebook or of the main program) runs in this process instead, and its rows say so in the column
    ``isolation``. On a Ray cluster each node runs units in the same way; one that a node cannot import fails. Several
    processes may run the same sweep at once: each unit is claimed by one of them. Every process
    writes the rows of its own units; workers write none.

    Args:
        units: Jobs that run together; most often each is a list of one job.
        work: A function of an importable module; see ``Work``.
        store: Where rows go, and where finished jobs are known from; checkpoints are stored beside its file.
        workers: Processes.
        threads: Threads that each worker computes with; None divides the cores by ``workers``.
        timeout_s: A unit that takes longer (not counting the start of its process) is stopped; None never stops one.
        progress: Whether to show progress on stderr.
        in_driver: Why the work must run in this process; empty where it need not.
        ray: What each unit takes of a Ray cluster, which runs them instead of workers here, with ``ray.cpus`` threads;
            see ``gengap.sweep.runners.cluster.connected``. None runs them here.
        folder: Files and folders in it that payloads name by a ``Path`` are brought to the nodes of a cluster.
        gpus: CUDA devices of this machine, as ``CUDA_VISIBLE_DEVICES`` names them, of which each worker sees one; at
            least as many as workers. None: each sees all that this process sees.

    Raises:
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; its message, how to go on, is already printed on stderr.
        InputError: ``workers``, ``threads`` or ``timeout_s`` is not above 0; the store cannot be written, or has lost
            rows; a worker process cannot begin; there is no Ray cluster on which such units can run.
    """
    started, began = time.monotonic(), time.time()
    _check(workers=workers, threads=threads, timeout_s=timeout_s)
    units = [list(unit) for unit in units]
    keys = list(dict.fromkeys(job.key for unit in units for job in unit))
    missing = _missing(units, store)
    reused = len(keys) - sum(map(len, missing))
    threads = threads or max(1, available_cores() // workers)
    if reason := in_driver or _reason_to_stay(work):
        runner: Runner = partial(in_process, threads=threads, timeout_s=timeout_s, reason=reason)
    elif ray is not None:
        runner = partial(on_ray, share=ray, timeout_s=timeout_s, folder=folder)
    else:
        runner = partial(in_workers, workers=workers, threads=threads, timeout_s=timeout_s, gpus=gpus)
    failed: list[Failure] = []
    try:
        with ending_signals_interrupt(), Board(len(keys), reused, shown=progress) as board:
            if missing:
                with Leases(store.path) as leases:
                    queue = Queue(missing, store, leases, began)
                    failed = _all(queue, partial(runner, work=work), store, leases, board)
                    reused += len(queue.elsewhere)
                _read_back(store, set(keys) - {failure.key for failure in failed})
    except KeyboardInterrupt:
        interrupted = Interrupted(len(store.finished(keys)), len(keys))
        print(interrupted, file=sys.stderr)
        raise interrupted from None
    finally:
        stop_gpu_workers()
    return SweepResult(len(keys) - reused - len(failed), reused, tuple(failed), time.monotonic() - started)


def _all(queue: Queue, runner: Runner, store: Store, leases: Leases, board: Board) -> list[Failure]:
    """Runs what the queue gives, stores the rows as they come, and returns the failures."""
    failed: list[Failure] = []
    with closing(runner(queue, checkpoints=partial(_checkpoint, store), board=board)) as outcomes:
        for unit, outcome in outcomes:
            failures = _put(store, unit, outcome)
            if store.is_displaced:
                _follow(store, leases)
            leases.release([job.key for job in unit])
            board.elsewhere(len(queue.elsewhere) + len(queue.failed))
            board.finished(unit, failures)
            failed += failures
    return failed + queue.failed


def _follow(store: Store, leases: Leases) -> None:
    """Puts the rows of the store into the file that is at its path now."""
    count = store.reopen()
    leases.reopen()
    print(
        f"Store {store.path} was deleted, moved or replaced during the sweep: its {count} rows were written again, to "
        "the file that is there now.",
        file=sys.stderr,
    )


def _read_back(store: Store, keys: set[str]) -> None:
    """Makes sure that the file at the store's path holds a result for each key, as another process would read it.

    Raises:
        InputError: It does not, even after the rows were written again.
    """
    for last in (False, True):
        if not store.is_displaced:
            with Store(store.path) as fresh:
                lost = keys - fresh.finished(keys)
            if not lost:
                return
        if not last:
            count = store.reopen()
            print(f"Store {store.path} had lost rows of this sweep: {count} were written again.", file=sys.stderr)
    raise InputError(
        f"Store {store.path} does not hold {len(lost)} rows that were written to it.",
        expected="a file that nothing else deletes, replaces or edits during a sweep",
        next_step="run again",
    )


def _check(**positive: float | None) -> None:
    for name, value in positive.items():
        if value is not None and not value > 0:
            raise InputError(f"{name} is {value}.", expected="a number above 0")


def _reason_to_stay(work: Work) -> str:
    """Why a work function cannot run in another process; empty where it can, as far as this one can see."""
    try:
        pickle.dumps(work)
    except Exception as error:
        return f"no other process can import it ({type(error).__name__}: {error})"
    return "it is defined in the main program" if work.__module__ == "__main__" else ""


def _missing(units: Sequence[Unit], store: Store) -> list[list[Job]]:
    """The units without the jobs that are finished or stand in an earlier unit; none of them is empty."""
    seen = store.finished(job.key for unit in units for job in unit)
    missing = []
    for unit in units:
        todo = {job.key: job for job in unit if job.key not in seen}
        seen |= todo.keys()
        if todo:
            missing.append(list(todo.values()))
    return missing


def _checkpoint(store: Store, unit: Unit) -> Path:
    """The checkpoint file of a unit, in a folder that exists; what a killed process left half written is removed."""
    folder = store.path.parent / "checkpoints" / unit_key(job.key for job in unit)
    with store_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for partial_file in folder.glob("*.part"):
            partial_file.unlink(missing_ok=True)
    return folder / "checkpoint"


def _put(store: Store, unit: Unit, outcome: Outcome) -> list[Failure]:
    """Stores a unit's rows; a job that failed here but gave a result to another process is no failure."""
    rows = [vars(outcome)] * len(unit) if isinstance(outcome, Cause) else outcome
    failed = []
    for job, row in zip(unit, rows, strict=True):
        stored = store.put({**job.columns, **row, "key": job.key})
        if stored and row["status"] not in RESULTS:
            failed.append(Failure(job.key, job.title, row["status"], row.get("reason") or ""))
    if not failed:
        shutil.rmtree(_checkpoint(store, unit).parent, ignore_errors=True)
    return failed
