"""Units in this process, one after the other: for work that no other process can import."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from gengap.store import Row
from gengap.sweep import failures
from gengap.sweep.jobs import Unit, Work
from gengap.sweep.progress import Board
from gengap.sweep.queue import POLL_S, Queue
from gengap.sweep.runners.attempt import Checkpoints, Outcome, Outcomes, Report, TimeIsUp, attempt


def in_process(
    queue: Queue,
    work: Work,
    checkpoints: Checkpoints,
    board: Board,
    *,
    threads: int,
    timeout_s: float | None,
    reason: str,
) -> Outcomes:
    """Runs units here, one after the other, and yields each with its outcome; rows say why in column ``isolation``."""
    while queue.is_open:
        unit = queue.take()
        if unit is None:
            time.sleep(POLL_S)
            continue
        board.started(unit)
        yield unit, run_here(unit, work, checkpoints, board, threads=threads, timeout_s=timeout_s, reason=reason)


def run_here(
    unit: Unit,
    work: Work,
    checkpoints: Checkpoints,
    board: Board,
    *,
    threads: int,
    timeout_s: float | None,
    reason: str,
) -> Outcome:
    """The outcome of one unit, run in this process."""

    def show(report: Report) -> None:
        board.report(unit, *report)

    try:
        with _limit(timeout_s):
            outcome = attempt(work, [job.payload for job in unit], checkpoints(unit), threads, show)
    except TimeIsUp:
        outcome = failures.of_time_out(timeout_s or 0.0)
    rows: list[Row] = outcome if isinstance(outcome, list) else [vars(outcome)] * len(unit)
    return [{**row, "isolation": f"none: {reason}"} for row in rows]


@contextmanager
def _limit(seconds: float | None) -> Iterator[None]:
    """Raises ``TimeIsUp`` in the main thread after some seconds, as soon as Python runs there."""
    if seconds is None or not hasattr(signal, "setitimer") or not _is_main_thread():
        yield
        return
    before: Callable[[int, FrameType | None], object] | int | None = signal.signal(signal.SIGALRM, _raise)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _raise(number: int, frame: FrameType | None) -> None:
    raise TimeIsUp


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
