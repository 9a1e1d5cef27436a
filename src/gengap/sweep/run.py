"""Runs jobs that have no stored result, and stores what they give."""

import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from gengap.errors import InputError
from gengap.keys import unit_key
from gengap.store import RESULTS, Store, store_errors
from gengap.sweep.failures import Cause
from gengap.sweep.jobs import Failure, Interrupted, Job, SweepResult, Unit, Work
from gengap.sweep.progress import Board
from gengap.sweep.runners import Outcome, in_process, in_workers
from gengap.sweep.threads import available_cores


def run(
    units: Iterable[Unit],
    work: Work,
    store: Store,
    *,
    workers: int = 1,
    threads: int | None = None,
    timeout_s: float | None = None,
    progress: bool = True,
) -> SweepResult:
    """Runs every job that has no stored result, and stores each row as soon as it is there.

    A job's row is ``job.columns``, then what the work function returned, under the job's key. When a unit raises,
    lacks memory, is killed or takes too long, its jobs' rows hold ``status``, ``reason`` and ``traceback``, the
    sweep goes on, and the next run tries them again. Keys that occur twice run once. Only this process writes.

    Args:
        units: Jobs that run together; most often each is a list of one job.
        work: A function of an importable module; see ``Work``.
        store: Where rows go, and where finished jobs are known from; checkpoints are kept beside its file.
        workers: Processes. 1 runs the units in this process, unless there is a time-out.
        threads: Threads that each worker computes with; None divides the cores by ``workers``.
        timeout_s: A unit that takes longer (not counting the start of its process) is stopped.
        progress: Whether to show progress on stderr.

    Raises:
        Interrupted: Ctrl-C; its message, how to go on, is already printed on stderr.
        InputError: ``workers``, ``threads`` or ``timeout_s`` is not above 0; the store cannot be written; a worker
            process cannot begin.
    """
    started = time.monotonic()
    _check(workers=workers, threads=threads, timeout_s=timeout_s)
    units = [list(unit) for unit in units]
    keys = {job.key for unit in units for job in unit}
    missing = _missing(units, store)
    reused = len(keys) - sum(map(len, missing))
    threads = threads or max(1, available_cores() // workers)
    if workers == 1 and timeout_s is None:
        execute = partial(in_process, threads=threads)
    else:
        execute = partial(in_workers, workers=workers, threads=threads, timeout_s=timeout_s)
    failed: list[Failure] = []
    try:
        with (
            Board(len(keys), reused, shown=progress) as board,
            closing(execute(missing, work, partial(_checkpoint, store), board)) as outcomes,
        ):
            for unit, outcome in outcomes:
                failures = _put(store, unit, outcome)
                board.finished(unit, failures)
                failed += failures
    except KeyboardInterrupt:
        interrupted = Interrupted(len(store.finished(keys)), len(keys))
        print(interrupted, file=sys.stderr)
        raise interrupted from None
    done = len(keys) - reused - len(failed)
    return SweepResult(done, reused, tuple(failed), time.monotonic() - started)


def _check(**positive: float | None) -> None:
    for name, value in positive.items():
        if value is not None and value <= 0:
            raise InputError(f"{name} is {value}.", expected="a number above 0")


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
    folder = store.path.parent / "checkpoints" / unit_key(job.key for job in unit)
    with store_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder / "checkpoint"


def _put(store: Store, unit: Unit, outcome: Outcome) -> list[Failure]:
    """Stores a unit's rows; a job that failed here but gave a result to another process is no failure."""
    rows = [vars(outcome)] * len(unit) if isinstance(outcome, Cause) else outcome
    failed = []
    for job, row in zip(unit, rows, strict=True):
        stored = store.put({**job.columns, **row, "key": job.key})
        if stored and row["status"] not in RESULTS:
            failed.append(Failure(job.key, job.title, row["status"], row.get("reason", "")))
    if not failed:
        shutil.rmtree(_checkpoint(store, unit).parent)
    return failed
