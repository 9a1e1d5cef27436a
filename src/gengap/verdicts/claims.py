"""Whether a study's claim holds in its own rows: part by part, with the figures that decide."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import fmean
from typing import Any, Literal, TypeVar

Finding = Literal["holds", "does not hold", "cannot be judged"]
Row = dict[str, Any]
T = TypeVar("T")


class MissingRows(Exception):  # noqa: N818 (it tells of the rows, not of a mistake)
    """Rows that a part of a claim compares are not there, as the message says; the part cannot be judged."""


@dataclass(frozen=True)
class ClaimPart:
    """One part of a claim against the rows that are to show it.

    Attributes:
        part: What is claimed.
        finding: Whether it holds in the rows.
        figures: The numbers that decide, or what is missing.
        of_paper: Whether the paper claims it; else it is about a setting of ours, and does not count for the whole.
    """

    part: str
    finding: Finding
    figures: str
    of_paper: bool = True

    def record(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return asdict(self)


def claim_part(
    part: str,
    rows: Sequence[Row],
    columns: Sequence[str],
    decide: Callable[[list[Row]], tuple[bool, str]],
    *,
    of_paper: bool = True,
) -> ClaimPart:
    """A part of a claim, judged where every row that it is about has a result.

    Args:
        part: What is claimed.
        rows: All rows that it is about.
        columns: What ``decide`` reads of each row; where one is None, nothing is decided, and the reason is given.
        decide: From these rows to whether the part holds, and the figures that show it. It raises ``MissingRows``
            where it needs rows that are not among them.
        of_paper: As in ``ClaimPart``.
    """
    if not rows:
        return ClaimPart(part, "cannot be judged", "this scale has no row of it", of_paper)
    lacking = [(row, name) for row in rows for name in columns if row.get(name) is None]
    if lacking:
        row, name = lacking[0]
        reason = row.get(f"{name}_reason") or row.get("reason") or f"a row holds no {name}"
        count = len({id(row) for row, _ in lacking})
        return ClaimPart(part, "cannot be judged", f"{count} of {len(rows)} rows lack a value: {reason}", of_paper)
    try:
        holds, figures = decide(list(rows))
    except MissingRows as missing:
        return ClaimPart(part, "cannot be judged", str(missing), of_paper)
    return ClaimPart(part, "holds" if holds else "does not hold", figures, of_paper)


def present(rows: Iterable[T], what: str) -> list[T]:
    """The rows, or anything taken from them, of which a part of a claim needs at least one.

    Args:
        rows: They.
        what: What they are, for people.

    Raises:
        MissingRows: There is none.
    """
    rows = list(rows)
    if not rows:
        raise MissingRows(f"there is no row of {what}")
    return rows


def means(rows: Iterable[Row], by: str, column: str) -> dict[Any, float]:
    """The mean of a column over the rows, seeds say, that have the same value of another, in ascending order of it.

    >>> means([{"epoch": 2, "loss": 1.0}, {"epoch": 1, "loss": 3.0}, {"epoch": 2, "loss": 2.0}], "epoch", "loss")
    {1: 3.0, 2: 1.5}
    """
    values: dict[Any, list[float]] = {}
    for row in rows:
        values.setdefault(row[by], []).append(row[column])
    return {key: fmean(values[key]) for key in sorted(values)}


def whole_claim(parts: Sequence[ClaimPart]) -> Finding:
    """The finding of all parts that the paper claims together: none may fail, and each has to be judged.

    >>> whole_claim([ClaimPart("it falls", "holds", "3 to 2"), ClaimPart("to 0", "does not hold", "2")])
    'does not hold'
    """
    findings = {part.finding for part in parts if part.of_paper}
    if "does not hold" in findings:
        return "does not hold"
    return "cannot be judged" if "cannot be judged" in findings or not findings else "holds"


STANDARD_ERRORS = 2.0


def largest_rise(errors: Mapping[int, float], n: int) -> tuple[int, int] | None:
    """The two widths between which the error rate rises by most, in standard errors, if by more than chance.

    A rise from a width to any larger one counts where it is above two standard errors of the difference of two rates
    on n examples each. Of networks that share their test examples the difference varies less, so that fewer rises are
    found than there are.

    Args:
        errors: Error rate by width, in [0, 1].
        n: Test examples, at least 1.

    >>> largest_rise({8: 0.10, 16: 0.11, 32: 0.18}, n=1000), largest_rise({8: 0.10, 16: 0.11, 32: 0.18}, n=10)
    ((8, 32), None)
    """
    rises = {}
    for narrow, wide in combinations(sorted(errors), 2):
        variance = sum(errors[width] * (1 - errors[width]) / n for width in (narrow, wide))
        rises[narrow, wide] = (errors[wide] - errors[narrow]) / math.sqrt(max(variance, 1e-300))
    worst = max(rises, key=lambda pair: rises[pair], default=None)
    return worst if worst is not None and rises[worst] > STANDARD_ERRORS else None


def span(values: Sequence[float], form: str = ".3g") -> str:
    """The smallest and the largest of some values, or the one that they all are.

    >>> span([0.5, 0.25]), span([1.0])
    ('0.25 to 0.5', '1')
    """
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"
