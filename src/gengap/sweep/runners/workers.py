"""Units in worker processes, among which the cores are divided."""

import time
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from gengap.sweep import failures
from gengap.sweep.jobs import Unit, Work
from gengap.sweep.process import Child, Ended
from gengap.sweep.progress import Board
from gengap.sweep.runners.attempt import Checkpoints, Outcome, Outcomes, Report, attempt


def in_workers(
    units: Sequence[Unit],
    work: Work,
    checkpoints: Checkpoints,
    board: Board,
    *,
    workers: int,
    threads: int,
    timeout_s: float | None,
) -> Outcomes:
    """Runs units in long-lived processes, each with one unit at a time, and yields them with their outcomes.

    A worker that dies or takes too long costs its unit only; another takes its place.
    """
    waiting = deque(units)
    pool = [_Worker(work, threads, timeout_s) for _ in range(min(workers, len(waiting)))]
    try:
        for worker in pool:
            worker.begin(waiting.popleft(), checkpoints, board)
        while pool:
            wait([ready for worker in pool for ready in worker.child.waitables], _until_next_deadline(pool))
            for worker in list(pool):
                outcome = worker.poll(board)
                if outcome is None:
                    continue
                yield worker.unit, outcome
                if worker.is_gone or not waiting:
                    worker.child.stop()
                    pool.remove(worker)
                if waiting:
                    if worker.is_gone:
                        worker = _Worker(work, threads, timeout_s)
                        pool.append(worker)
                    worker.begin(waiting.popleft(), checkpoints, board)
    finally:
        for worker in pool:
            worker.child.stop()


class _Worker:
    """A worker process as the parent sees it: which unit it has, and until when."""

    def __init__(self, work: Work, threads: int, timeout_s: float | None):
        self.child = Child(_serve, work, threads, threads=threads)
        self.unit: Unit = ()
        self.deadline: float | None = None
        self.is_gone = False
        self._timeout_s = timeout_s

    def begin(self, unit: Unit, checkpoints: Checkpoints, board: Board) -> None:
        self.unit, self.deadline = unit, None
        board.started(unit)
        self.child.send(([job.payload for job in unit], checkpoints(unit)))

    def poll(self, board: Board) -> Outcome | None:
        """The outcome of the unit, or None while it runs; never waits."""
        try:
            while wait(self.child.waitables, timeout=0):
                message: Report | Outcome = self.child.receive()
                if not isinstance(message, Report):
                    return message
                if self.deadline is None and self._timeout_s is not None:
                    self.deadline = time.monotonic() + self._timeout_s
                board.report(self.unit, *message)
        except Ended as end:
            self.is_gone = True
            return end.cause
        if self.deadline is not None and self._timeout_s is not None and time.monotonic() >= self.deadline:
            self.is_gone = True
            return failures.of_time_out(self._timeout_s)
        return None


def _until_next_deadline(pool: Sequence[_Worker]) -> float | None:
    deadlines = [worker.deadline for worker in pool if worker.deadline is not None]
    return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None


def _serve(connection: "Connection[Any, Any]", work: Work, threads: int) -> None:
    """What a worker process does until the parent hangs up; a unit's clock runs from its first report."""
    while True:
        payloads, checkpoint = connection.recv()
        connection.send(Report(0, 0, ""))
        connection.send(attempt(work, payloads, checkpoint, threads, connection.send))
