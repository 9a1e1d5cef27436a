"""The units of a sweep that are still to be run, shared with other processes by leases."""

import time
from collections import deque
from collections.abc import Sequence

from gengap.store import FAILURES, Row, Store
from gengap.store.leases import Leases
from gengap.sweep.jobs import Failure, Job, Unit

POLL_S = 0.2
_LOOK_EVERY_S = 0.5  # at units that another process works on


class Queue:
    """Gives out units that no other process works on or has ended since the sweep began.

    Args:
        units: What the store lacked when the sweep began.
        store: Where others' rows are found.
        leases: This process's claims.
        began: When the sweep began, as ``time.time()`` gives it; a failure that is stored later is an outcome.

    Attributes:
        elsewhere: Jobs of which another process has stored a result meanwhile.
        failed: Jobs that have failed in another process meanwhile.
    """

    def __init__(self, units: Sequence[Unit], store: Store, leases: Leases, began: float):
        self.elsewhere: list[Job] = []
        self.failed: list[Failure] = []
        self._waiting: deque[Unit] = deque(units)
        self._busy: list[Unit] = []
        self._store, self._leases, self._began = store, leases, began
        self._next_look = time.monotonic()

    @property
    def is_open(self) -> bool:
        """Whether there are units that were not given out, be it because another process works on them."""
        return bool(self._waiting or self._busy)

    def take(self) -> Unit | None:
        """The next unit, claimed for this process; None where there is none, or others work on all that are left."""
        if not self._waiting and self._busy and time.monotonic() >= self._next_look:
            self._waiting.extend(self._busy)
            self._busy.clear()
            self._next_look = time.monotonic() + _LOOK_EVERY_S
        while self._waiting:
            unit = self._waiting.popleft()
            left = self._claimed(unit)
            if left:
                return left
        return None

    def _claimed(self, unit: Unit) -> Unit:
        """What is left of a unit and claimed; nothing where it has ended, or another process works on it."""
        failures = self._failures_since(unit)
        left = [job for job in unit if job.key not in failures]
        claim = self._leases.claim([job.key for job in left])
        if claim.busy:
            self._busy.append(unit)
            return []
        self.failed += failures.values()
        self.elsewhere += [job for job in left if job.key in claim.finished]
        return [job for job in left if job.key not in claim.finished]

    def _failures_since(self, unit: Unit) -> dict[str, Failure]:
        rows: dict[str, Row] = self._store.written_since([job.key for job in unit], self._began)
        return {
            job.key: Failure(job.key, job.title, row["status"], row.get("reason") or "")
            for job in unit
            if (row := rows.get(job.key)) is not None and row["status"] in FAILURES
        }
