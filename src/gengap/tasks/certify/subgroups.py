"""A bound for each subgroup of the examples, for all at once, and for the worst."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gengap.tasks.certify.certificate import certify_units
from gengap.tasks.certify.evaluation import Evaluation
from gengap.tasks.certify.order import fresh_seed
from gengap.tasks.certify.words import confidence, rate, scope, unit_word


@dataclass(frozen=True)
class Subgroups:
    """Upper bounds on the risk in each subgroup that hold all at once with probability 1 - delta.

    Attributes:
        by: The column whose values are the subgroups.
        rows: One dict a subgroup, the worst first: ``value``, ``n``, ``errors``, ``seen``, ``upper``, ``headline``,
            ``remarks``.
        worst: The value with the largest bound.
        upper: That bound: the risk in every subgroup is at most this.
        tried: Models compared on these examples.
        delta: Probability that the bound of any subgroup fails for any of them.
        unit: ``"example"`` or ``"group"`` (cluster).
        metric: What was measured.
        zero_one: Whether risks are error rates.
        is_score: Whether it is a score, of which a larger one is better.
        best: The largest possible score.
        order_seed: The seed of the random orders where betting decides.
        remarks: What was seen in the input that the reader should know.
        scope: Where this holds.
    """

    by: str
    rows: list[dict[str, Any]]
    worst: str
    upper: float
    tried: int
    delta: float
    unit: str
    metric: str
    zero_one: bool
    is_score: bool
    best: float
    order_seed: int
    remarks: list[str]
    scope: str

    @property
    def sentence(self) -> str:
        """The promise for every subgroup in one sentence."""
        return self.told()

    def told(self, *, choice: bool = True) -> str:
        """The sentence; ``choice`` is False beside a promise that has said of how many models this one was chosen."""
        row = self.rows[0]
        bound, seen = self._written(self.upper, up=not self.is_score), self._written(row["seen"])
        chosen = "" if self.tried == 1 or not choice else f", even for a model chosen as the best of {self.tried:,}"
        return (
            f"With {confidence(self.delta)} confidence the true {self.metric} is "
            f"{'at least' if self.is_score else 'at most'} "
            f"{bound} for every value of {self.by}, {len(self.rows)} at once; {self.by} = {self.worst} has the "
            f"weakest bound "
            f"(seen: {seen} on {row['n']:,} {unit_word(self.unit)}{'s' * (row['n'] != 1)}){chosen}."
        )

    @property
    def notes(self) -> list[str]:
        """The bound of each subgroup, and what it rests on."""
        lines = [
            f"{self.by} = {row['value']}: {'at least' if self.is_score else 'at most'} "
            f"{self._written(row['upper'], up=not self.is_score)} (seen: {self._written(row['seen'])} on {row['n']:,})"
            + (f"; {row['remarks']}" if row["remarks"] else "")
            + "."
            for row in self.rows
        ]
        rest = (
            f"Each bound at delta / {len(self.rows)}, so that all hold at once; subgroups are not clusters: "
            f"examples in a "
            "subgroup are taken for independent unless --clusters is given."
        )
        return [*self.remarks, *lines, rest]

    def to_json(self) -> dict[str, Any]:
        """The bounds as a dict that ``json.dumps`` takes."""
        return {**asdict(self), "sentence": self.sentence}

    def _written(self, risk: float, *, up: bool | None = None) -> str:
        return rate(self.best - risk if self.is_score else risk, self.zero_one, up=up)


def certify_subgroups(
    evaluation: Evaluation,
    by: str,
    *,
    clusters: str | None = None,
    tried: int = 1,
    delta: float = 0.05,
    order_seed: int | None = None,
) -> Subgroups:
    """A bound for each value of a column: Clopper-Pearson for right or wrong, betting for other losses and clusters.

    Args:
        evaluation: The losses, one a question.
        by: The column whose values are the subgroups.
        clusters: The column whose values name the clusters; a cluster in two subgroups is a unit in each.
        tried: Models compared on these examples, at least 1.
        delta: Probability that the bound of any subgroup fails for any of them, in (0, 1).
        order_seed: As for ``certify``.

    Raises:
        InputError: There is no such column, a value is missing, or an argument is out of its range.
    """
    names = np.array([str(value) for value in evaluation.column(by).tolist()])
    units = None if clusters is None else evaluation.column(clusters)
    values, seed = np.unique(names).tolist(), fresh_seed() if order_seed is None else order_seed
    rows = []
    for value in values:
        here = names == value
        made = certify_units(
            evaluation.losses[here],
            zero_one=evaluation.share,
            single=evaluation.zero_one,
            loss_bound=evaluation.loss_bound,
            clusters=None if units is None else units[here],
            tried=tried,
            delta=delta / len(values),
            order_seed=seed,
        )
        rows.append(
            {
                "value": value,
                "n": made.n,
                "errors": made.errors,
                "seen": made.empirical_risk,
                "upper": made.upper,
                "headline": made.headline,
                "remarks": "a single unit says next to nothing" if made.n == 1 else "",
            }
        )
    rows.sort(key=lambda row: -row["upper"])
    unit = "example" if clusters is None else "group"
    return Subgroups(
        by=by,
        rows=rows,
        worst=rows[0]["value"],
        upper=rows[0]["upper"],
        tried=tried,
        delta=delta,
        unit=unit,
        metric=evaluation.metric,
        zero_one=evaluation.share,
        is_score=evaluation.is_score,
        best=evaluation.best,
        order_seed=seed,
        remarks=list(evaluation.remarks),
        scope=scope(unit),
    )
