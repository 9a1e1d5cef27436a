"""A number of a paper beside ours: the mean over seeds, its interval, and whether they agree."""

import math
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any, Literal

Verdict = Literal["agrees", "disagrees", "not comparable"]
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Comparison:
    """A number of a paper with ours beside it.

    Attributes:
        what, place, source: What it is, where the paper has it, and how it was taken from there.
        reported, tolerance, unit: The paper's number, and the largest difference that still agrees, in the unit.
        values: Ours, one a seed, in the unit.
        missing: Why a run gave no value; one reason a run.
        diverged: How many of those runs diverged.
        indicative: Why ours is no reproduction but an indication; empty where the setting is the paper's.
    """

    what: str
    place: str
    source: str
    reported: float
    tolerance: float
    unit: str
    values: tuple[float, ...]
    missing: tuple[str, ...] = ()
    diverged: int = 0
    indicative: str = ""

    @property
    def left_out(self) -> bool:
        """Whether no run was asked for."""
        return not self.values and not self.missing

    @property
    def ours(self) -> float | None:
        """Mean of our values."""
        return mean(self.values) if self.values else None

    @property
    def difference(self) -> float | None:
        """Ours less the paper's."""
        return None if self.ours is None else self.ours - self.reported

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of our mean by Student's t over seeds; None with fewer than two."""
        if len(self.values) < 2:
            return None
        from scipy.special import stdtrit

        n = len(self.values)
        half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * stdev(self.values) / math.sqrt(n)
        return mean(self.values) - half, mean(self.values) + half

    @property
    def verdict(self) -> Verdict:
        """``agrees`` where our mean is within the tolerance, ``disagrees`` where not or where a run diverged.

        ``not comparable`` in a setting that is not the paper's, and where a run that should have a value has none.
        """
        if self.indicative or self.left_out or (self.missing and not self.diverged):
            return "not comparable"
        if self.diverged or self.difference is None:
            return "disagrees"
        return "agrees" if abs(self.difference) <= self.tolerance else "disagrees"

    @property
    def absence(self) -> str:
        """Why there is no value, or not from every run; empty where all gave one."""
        return "this scale leaves the setting out" if self.left_out else "; ".join(dict.fromkeys(self.missing))

    def record(self) -> dict[str, Any]:
        """All of it under one name each, for a table or JSON."""
        low, high = self.interval or (None, None)
        return {
            "what": self.what,
            "place": self.place,
            "source": self.source,
            "reported": self.reported,
            "ours": self.ours,
            "low": low,
            "high": high,
            "n": len(self.values),
            "difference": self.difference,
            "tolerance": self.tolerance,
            "unit": self.unit,
            "verdict": self.verdict,
            "reason": self.absence or self.indicative or None,
        }
