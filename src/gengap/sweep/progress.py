"""What a sweep shows on stderr while it runs."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from gengap.bars import Bars
from gengap.sweep.jobs import Failure, Unit


class Board:
    """A bar for the whole, with an estimate, and one for each running unit.

    Neither on a terminal nor in a notebook it is a line for each job.

    Args:
        total: Jobs of the sweep.
        reused: Jobs of which a result was stored before.
        shown: False shows nothing.
    """

    def __init__(self, total: int, reused: int, *, shown: bool = True):
        self._bars = Bars(
            TextColumn("{task.description}", markup=False, table_column=Column(ratio=2, no_wrap=True)),
            BarColumn(table_column=Column(ratio=1)),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}", markup=False, table_column=Column(ratio=2, no_wrap=True)),
            expand=True,
            shown=None if shown else False,
        )
        self._console = self._bars.console
        self._whole = self._bars.add_task("all cells", total=total, completed=reused, text="")
        self._total, self._reused, self._ended = total, reused, 0
        self._running: dict[str, tuple[TaskID, float]] = {}
        self._fractions: dict[str, float] = {}
        self._elsewhere = 0
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        if self._reused:
            self._say(f"{self._reused} of {self._total} cells are stored already")
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def started(self, unit: Unit, *, bar: bool = True) -> None:
        """A unit begins to run; without a bar of its own where many do, or where it never reports."""
        task = self._bars.add_task(_title(unit), total=None, text="starting", visible=bar)
        self._running[unit[0].key] = task, time.monotonic()

    def report(self, unit: Unit, done: int, total: int, text: str) -> None:
        """A running unit has done ``done`` of ``total`` steps."""
        task, _ = self._running[unit[0].key]
        self._bars.update(task, completed=done, total=total or None, text=text)
        self._fractions[unit[0].key] = len(unit) * min(done / total, 1.0) if total else 0.0
        self._bars.update(self._whole, text=self._left())

    def elsewhere(self, count: int) -> None:
        """So many jobs have ended in another process by now."""
        self._reused += count - self._elsewhere
        self._elsewhere = count
        self._bars.update(self._whole, completed=self._reused + self._ended, text=self._left())

    def finished(self, unit: Unit, failed: Sequence[Failure]) -> None:
        """A unit's rows are stored."""
        task, started = self._running.pop(unit[0].key)
        self._fractions.pop(unit[0].key, None)
        self._bars.remove_task(task)
        reasons = {failure.key: f"{failure.status}: {failure.reason}" for failure in failed}
        seconds = time.monotonic() - started
        for job in unit:
            self._ended += 1
            if job.key in reasons or self._bars.disable:
                left = f", {left}" if (left := self._left()) else ""
                outcome = reasons.get(job.key, "done")
                self._say(
                    f"[{self._reused + self._ended}/{self._total}] {job.title}: {outcome} ({duration(seconds)}{left})"
                )
        self._bars.update(self._whole, completed=self._reused + self._ended, text=self._left())

    def _left(self) -> str:
        """Time left, from the share of the missing work that is done; units may differ, so it is an estimate."""
        missing = self._total - self._reused
        done = self._ended + sum(self._fractions.values())
        if not 0 < done < missing:
            return ""
        return f"about {duration((time.monotonic() - self._started) * (missing - done) / done)} left"

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def duration(seconds: float) -> str:
    """A time span for people: ``"75 s"``, ``"12 min"``, ``"3 h 20 min"``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _title(unit: Unit) -> str:
    return unit[0].title if len(unit) == 1 else f"{unit[0].title} and {len(unit) - 1} more"
