"""What benchmarks find, as one table for people."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table


@dataclass(frozen=True)
class Line:
    """One comparison.

    Attributes:
        what: What was done.
        ours, theirs: Seconds of gengap and of its opponent, each with what else is worth telling of it.
        opponent: Who that is.
        ratio: Times gengap is faster.
        wanted: What is aimed at, and whether it was reached.
        limit: Seconds below which no code comes on this machine, where that is known.
        machine: The kind of machine.
    """

    what: str
    ours: str
    opponent: str = ""
    theirs: str = ""
    ratio: str = ""
    wanted: str = ""
    limit: str = ""
    machine: str = ""


def table(lines: Iterable[Line], caption: str = "") -> Table:
    """All lines under one head, above a caption."""
    drawn = Table(
        "what",
        "gengap",
        "opponent",
        "opponent's",
        "ratio",
        "limit",
        "wanted",
        "machine",
        title="Speed, as ratios in one run",
        caption=caption or None,
        show_lines=True,
    )
    for line in lines:
        drawn.add_row(
            line.what, line.ours, line.opponent, line.theirs, line.ratio, line.limit, line.wanted, line.machine
        )
    return drawn


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median, least and greatest, and all values in order of time."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "all": list(values)}


def verdict(reached: float, wanted: float) -> str:
    """The aim for a ratio, and whether it was reached."""
    return f">= {wanted:g} x: {'reached' if reached >= wanted else 'missed'}"


def told(found: dict[str, Any], unit: str) -> str:
    """A spread in a few characters."""
    return f"{found['median']:.3g} {unit} ({found['min']:.3g} to {found['max']:.3g})"
