"""One attempt at a unit: the call of the work function, alike in every runner, and what became of it."""

import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

from gengap.store import STATUSES, Row
from gengap.store.columns import encoded
from gengap.sweep import failures
from gengap.sweep.failures import Cause
from gengap.sweep.jobs import Context, Unit, Work
from gengap.sweep.output import output_to_stderr
from gengap.sweep.threads import limited

Outcome = list[Row] | Cause
Outcomes = Generator[tuple[Unit, Outcome], None, None]
Checkpoints = Callable[[Unit], Path]

_REPORT_EVERY_S = 0.1


class TimeIsUp(BaseException):
    """Raised in work that runs in this process and takes too long."""


class Report(NamedTuple):
    """How far a unit is."""

    done: int
    total: int
    text: str


def attempt(work: Work, payloads: list[Any], checkpoint: Path, threads: int, show: Callable[[Report], None]) -> Outcome:
    """The rows that the work function gives, or why it gives none; what it prints goes to standard error."""
    last = -_REPORT_EVERY_S

    def report(done: int, total: int, text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _REPORT_EVERY_S:
            last = time.monotonic()
            show(Report(done, total, text))

    try:
        with output_to_stderr(), limited(threads):
            rows = work(payloads, Context(checkpoint, threads, report))
        _check(rows, len(payloads))
    except (KeyboardInterrupt, GeneratorExit, TimeIsUp):
        raise
    except BaseException as error:  # whatever the work raises is its own failure
        return failures.of_exception(error)
    return rows


def _check(rows: list[Row], expected: int) -> None:
    if not isinstance(rows, list) or len(rows) != expected:
        given = f"{len(rows)} rows" if isinstance(rows, list) else type(rows).__name__
        raise ValueError(f"{expected} jobs gave {given}.")
    for row in rows:
        if row.get("status") not in STATUSES:
            raise ValueError(f"A row needs a status of {STATUSES}, got {row.get('status')!r}.")
        encoded(row)  # raises what storing it would raise
