"""Units in this process, one after the other."""

from collections.abc import Sequence

from gengap.sweep.jobs import Unit, Work
from gengap.sweep.progress import Board
from gengap.sweep.runners.attempt import Checkpoints, Outcomes, Report, attempt


def in_process(units: Sequence[Unit], work: Work, checkpoints: Checkpoints, board: Board, *, threads: int) -> Outcomes:
    """Runs units here, one after the other, and yields each with its outcome."""
    for unit in units:
        board.started(unit)

        def show(report: Report, unit: Unit = unit) -> None:
            board.report(unit, *report)

        yield unit, attempt(work, [job.payload for job in unit], checkpoints(unit), threads, show)
