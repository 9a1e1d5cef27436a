"""Runs jobs that have no stored result, and stores what they give."""

import shutil
import time
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

from gengap.store import RESULTS, Row, Store
from gengap.sweep import failures
from gengap.sweep.failures import Cause
from gengap.sweep.jobs import Context, Failure, Interrupted, Job, SweepResult, Unit, Work


def run(units: Iterable[Unit], work: Work, store: Store, *, threads: int = 1) -> SweepResult:
    """Runs every job that has no stored result, and stores its row as soon as it is there."""
    started = time.monotonic()
    units = list(units)
    total = len({job.key for unit in units for job in unit})
    missing = _missing(units, store)
    waiting = sum(map(len, missing))
    failed: list[Failure] = []
    try:
        for unit in missing:
            outcome = _attempt(unit, work, Context(_checkpoint(store, unit), threads, lambda *_: None))
            failed += _store(store, unit, outcome)
    except KeyboardInterrupt:
        stored = len(store.finished(job.key for unit in units for job in unit))
        raise Interrupted(stored, total) from None
    return SweepResult(waiting - len(failed), total - waiting, tuple(failed), time.monotonic() - started)


def _missing(units: Sequence[Unit], store: Store) -> list[list[Job]]:
    """The units without jobs that are finished or were seen in an earlier unit; none is empty."""
    seen = store.finished(job.key for unit in units for job in unit)
    missing = []
    for unit in units:
        todo = {job.key: job for job in unit if job.key not in seen}
        seen |= todo.keys()
        if todo:
            missing.append(list(todo.values()))
    return missing


def _attempt(unit: Unit, work: Work, context: Context) -> list[Row] | Cause:
    try:
        return work([job.payload for job in unit], context)
    except Exception as error:
        return failures.of_exception(error)


def _checkpoint(store: Store, unit: Unit) -> Path:
    digest = blake2b("\n".join(job.key for job in unit).encode(), digest_size=16).hexdigest()
    folder = store.path.parent / "checkpoints" / digest
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "checkpoint"


def _store(store: Store, unit: Unit, outcome: list[Row] | Cause) -> list[Failure]:
    if isinstance(outcome, Cause):
        outcome = [vars(outcome)] * len(unit)
    rows = [{**job.columns, **row, "key": job.key} for job, row in zip(unit, outcome, strict=True)]
    for row in rows:
        store.put(row)
    if all(row["status"] in RESULTS for row in rows):
        shutil.rmtree(_checkpoint(store, unit).parent)
    return [
        Failure(job.key, job.title, row["status"], row.get("reason", ""))
        for job, row in zip(unit, rows, strict=True)
        if row["status"] not in RESULTS
    ]
