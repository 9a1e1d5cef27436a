"""One attempt at a unit: the call of the work function, alike in every runner, and what became of it."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from gengap.store import STATUSES, Row
from gengap.sweep import failures
from gengap.sweep.failures import Cause
from gengap.sweep.jobs import Context, Unit, Work
from gengap.sweep.threads import limited

Outcome = list[Row] | Cause
Outcomes = Generator[tuple[Unit, Outcome], None, None]
Checkpoints = Callable[[Unit], Path]

_REPORT_EVERY_S = 0.1


class Report(NamedTuple):
    """How far a unit is."""

    done: int
    total: int
    text: str


def attempt(work: Work, payloads: list[Any], checkpoint: Path, threads: int, show: Callable[[Report], None]) -> Outcome:
    """Calls the work function; standard output stays the parent command's, what the work prints is a message."""
    last = -_REPORT_EVERY_S

    def report(done: int, total: int, text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _REPORT_EVERY_S:
            last = time.monotonic()
            show(Report(done, total, text))

    try:
        with redirect_stdout(sys.stderr), limited(threads):
            rows = work(payloads, Context(checkpoint, threads, report))
        _check(rows, len(payloads))
    except (Exception, SystemExit) as error:
        return failures.of_exception(error)
    return rows


def _check(rows: list[Row], expected: int) -> None:
    if len(rows) != expected:
        raise ValueError(f"{expected} jobs gave {len(rows)} rows.")
    for row in rows:
        if row.get("status") not in STATUSES:
            raise ValueError(f"A row needs a status of {STATUSES}, got {row.get('status')!r}.")
