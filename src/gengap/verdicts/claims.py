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
    seeds_together: bool = False,
) -> ClaimPart:
    """A part of a claim, judged where every row that it is about has a result, on each seed by itself.

    Every seed has to show a part: it holds where it holds for each, so that seeds that contradict each other do not
    cancel in a mean. With several seeds the figures are those of the first that refutes the part, else of the first.

    Args:
        part: What is claimed.
        rows: All rows that it is about. A column ``seed`` tells their seeds apart.
        columns: What ``decide`` reads of each row; where one is None or NaN, or a row's ``status`` is not ``done``,
            nothing is decided, and the reason is given.
        decide: From these rows to whether the part holds, and the figures that show it. It raises ``MissingRows``
            where it needs rows that are not among them.
        of_paper: As in ``ClaimPart``.
        seeds_together: Whether ``decide`` is given the rows of all seeds at once: where it asks each row or seed by
            itself, or has an interval over what seeds share.
    """

    def judged(finding: Finding, figures: str) -> ClaimPart:
        return ClaimPart(part, finding, figures, of_paper)

    if not rows:
        return judged("cannot be judged", "this scale has no row of it")
    reasons = [reason for row in rows if (reason := _lack(row, columns)) is not None]
    if reasons:
        return judged("cannot be judged", f"{len(reasons)} of {len(rows)} rows lack a value: {reasons[0]}")
    groups = {"all": list(rows)} if seeds_together else _by_seed(rows)
    try:
        decisions = {seed: decide(own) for seed, own in groups.items()}
    except MissingRows as missing:
        return judged("cannot be judged", str(missing))
    refuting = [seed for seed, (holds, _) in decisions.items() if not holds]
    shown = refuting[0] if refuting else next(iter(groups))
    figures = decisions[shown][1]
    if len(groups) > 1:
        count = len(groups) - len(refuting)
        figures = f"in {count} of {len(groups)} seeds; with seed {shown}: {figures}"
    return judged("does not hold" if refuting else "holds", figures)


def _lack(row: Row, columns: Sequence[str]) -> str | None:
    """Why a row has no result, or none of a column; None where it has all."""
    if row.get("status", "done") != "done":
        return str(row.get("reason") or row["status"])
    for name in columns:
        value = row.get(name)
        if value is None:
            return str(row.get(f"{name}_reason") or row.get("reason") or f"a row holds no {name}")
        if isinstance(value, float) and math.isnan(value):
            return f"its {name} is NaN"
    return None


def _by_seed(rows: Sequence[Row]) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.get("seed"), []).append(row)
    return dict(sorted(groups.items(), key=lambda group: (group[0] is None, group[0])))


def present(rows: Iterable[T], what: str, least: int = 1) -> list[T]:
    """The rows, or anything taken from them, of which a part of a claim needs at least one, or two to compare.

    Args:
        rows: They.
        what: What they are, for people.
        least: How many are needed.

    Raises:
        MissingRows: There are fewer.
    """
    rows = list(rows)
    if not rows:
        raise MissingRows(f"there is no row of {what}")
    if len(rows) < least:
        raise MissingRows(f"there is nothing to compare with: {what} only {len(rows)}, and {least} are needed")
    return rows


class _Means(dict[Any, float]):
    """Means by a column's value; one that no row has raises MissingRows."""

    def __init__(self, by: str, means: Mapping[Any, float]) -> None:
        super().__init__(means)
        self.by = by

    def __missing__(self, key: Any) -> float:
        raise MissingRows(f"there is no row with {self.by} = {key}")


def means(rows: Iterable[Row], by: str, column: str, *, least: int = 1) -> dict[Any, float]:
    """The mean of a column over the rows that have the same value of another, in ascending order of it.

    Args:
        rows: They.
        by: Name of the column whose values tell them apart; a value that no row has raises ``MissingRows``.
        column: Name of the column whose mean is taken.
        least: How many values are needed, 2 where they are compared.

    Raises:
        MissingRows: There are fewer values.

    >>> means([{"epoch": 2, "loss": 1.0}, {"epoch": 1, "loss": 3.0}, {"epoch": 2, "loss": 2.0}], "epoch", "loss")
    {1: 3.0, 2: 1.5}
    """
    values: dict[Any, list[float]] = {}
    for row in rows:
        values.setdefault(row[by], []).append(row[column])
    present(values, f"values of {by}:", least)
    return _Means(by, {key: fmean(values[key]) for key in sorted(values)})


RESOLVED = 0.01  # of the larger of two numbers: a difference of at most so much is none


def clearly_less(smaller: float, larger: float, resolved: float = RESOLVED) -> bool:
    """Whether a number is below another by more than 1 % of the larger of the two in size.

    >>> clearly_less(0.5, 0.500000001), clearly_less(0.5, 0.51)
    (False, True)
    """
    return larger - smaller > resolved * max(abs(smaller), abs(larger))


def learned(accuracy: float, classes: int = 10) -> None:
    """Does nothing where a network has at least twice the accuracy of guessing.

    Of networks that learned nothing every difference is small, which would show many a claim.

    Raises:
        MissingRows: It has less.
    """
    if not accuracy >= 2 / classes:
        raise MissingRows(f"a network has learned nothing: an accuracy of {accuracy:.1%} with {classes} classes")


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

    Raises:
        ValueError: There are fewer than two widths, or an error rate is not in [0, 1].

    >>> largest_rise({8: 0.10, 16: 0.11, 32: 0.18}, n=1000), largest_rise({8: 0.10, 16: 0.11, 32: 0.18}, n=10)
    ((8, 32), None)
    """
    if len(errors) < 2 or not all(0 <= error <= 1 for error in errors.values()):
        raise ValueError(f"needs error rates in [0, 1] of at least two widths, got {dict(errors)}")
    rises = {}
    for narrow, wide in combinations(sorted(errors), 2):
        variance = sum(errors[width] * (1 - errors[width]) / n for width in (narrow, wide))
        rises[narrow, wide] = (errors[wide] - errors[narrow]) / math.sqrt(max(variance, 1e-300))
    worst = max(rises, key=lambda pair: rises[pair])
    return worst if rises[worst] > STANDARD_ERRORS else None


def span(values: Sequence[float], form: str = ".3g") -> str:
    """The smallest and the largest of some values, or the one that they all are.

    >>> span([0.5, 0.25]), span([1.0])
    ('0.25 to 0.5', '1')
    """
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"
