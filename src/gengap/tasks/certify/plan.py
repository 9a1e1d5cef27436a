"""How many held-out examples to set aside, for a promise or for a comparison."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gengap import bounds
from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.seeds import generator
from gengap.tasks.certify.words import confidence, percent, scope

if TYPE_CHECKING:
    from gengap.tasks.certify.evaluation import Evaluation

_SIMULATIONS = 60
_MOST_UNITS = 20_000


@dataclass(frozen=True)
class Plan:
    """The size of a held-out set that a promise needs.

    Attributes:
        n: Held-out examples needed.
        gap: How far the bound may lie above the error rate seen.
        tried: Models to be compared on them.
        delta: Probability that the bound fails for any of them.
        expected_error: The error rate up to which this holds; None for whatever error rate.
        scope: Where this holds.
    """

    n: int
    gap: float
    tried: int
    delta: float
    expected_error: float | None
    scope: str

    def to_json(self) -> dict[str, Any]:
        """The plan as a dict that ``json.dumps`` takes."""
        return asdict(self)

    @property
    def notes(self) -> list[str]:
        """What is to be said beside the plan."""
        return ["Bound: Clopper-Pearson, the headline of a certificate for 0-1 loss."]

    @property
    def sentence(self) -> str:
        """The plan in one sentence."""
        models = "one model" if self.tried == 1 else f"{self.tried:,} models"
        error = (
            "whatever the error rate"
            if self.expected_error is None
            else (f"as long as the error rate seen is at most {percent(self.expected_error)}")
        )
        return (
            f"{self.n:,} held-out examples let you compare {models} and promise, with {confidence(self.delta)} "
            f"confidence, a true error rate at most {self.gap:g} above the one seen, {error}."
        )


def plan(*, gap: float, tried: int = 1, delta: float = 0.05, expected_error: float | None = None) -> Plan:
    """The held-out examples that keep the Clopper-Pearson bound within ``gap`` of the error rate seen.

    Args:
        gap: How far the bound may lie above the error rate seen, in (0, 1).
        tried: Models to be compared on the examples, at least 1.
        delta: Probability that the bound fails for any of them, in (0, 1).
        expected_error: Error rate that will not be exceeded, in [0, 1]; None plans for the worst case.

    Raises:
        InputError: An argument is out of its range, or more than a billion examples would be needed.
    """
    n = bounds.examples_needed(gap, tried, delta, expected_error)
    return Plan(n, gap, int(tried), float(delta), expected_error, scope("example"))


@dataclass(frozen=True)
class ComparisonPlan:
    """The number of questions, or clusters, with which a comparison finds the better model.

    Attributes:
        n: Units needed: questions, or clusters; None where none is known.
        questions: Questions in all that make these units.
        power: The probability of a verdict for the better model at that size.
        difference: The difference of risks that is planned for, A minus B.
        discordance: The share of questions on which exactly one errs; None for graded losses and clusters.
        tried: Models to be compared; the verdict is corrected for all their pairs.
        delta: Probability that a verdict is wrong.
        unit: ``"example"`` or ``"group"`` (cluster).
        method: How the power was computed.
        scope: Where this holds.
    """

    n: int | None
    questions: int | None
    power: float | None
    difference: float
    discordance: float | None
    tried: int
    delta: float
    unit: str
    method: str
    scope: str

    def to_json(self) -> dict[str, Any]:
        """The plan as a dict that ``json.dumps`` takes."""
        return asdict(self)

    @property
    def notes(self) -> list[str]:
        """What is to be said beside the plan."""
        return [
            f"{self.method}.",
            "The size is for fresh questions; those of a pilot that showed the difference are not part of it.",
        ]

    @property
    def sentence(self) -> str:
        """The plan in one sentence."""
        difference = percent(abs(self.difference))
        if self.n is None:
            return f"No number of questions resolves a difference of {difference} with the power asked for."
        units = (
            f"{self.n:,} clusters, {self.questions:,} questions in all,"
            if self.unit == "group"
            else f"{self.n:,} questions"
        )
        return (
            f"{units} resolve a difference of {difference} with a probability of {self.power:.2f}, at "
            f"{confidence(self.delta)} "
            f"confidence for all pairs of {self.tried:,} models."
        )


def plan_comparison(
    difference: float, discordance: float, *, tried: int = 2, delta: float = 0.05, power: float = 0.8
) -> ComparisonPlan:
    """The questions with which the exact test finds the better of two models, right or wrong on each.

    Args:
        difference: Error rate of A minus that of B, not 0.
        discordance: Share of questions on which exactly one errs, from abs(difference) to 1.
        tried: Models to be compared, at least 2.
        delta: Probability that any verdict is wrong, in (0, 1).
        power: Probability of a verdict for the better model, in (0, 1).

    Raises:
        InputError: An argument is out of its range.
    """
    if not 0 < abs(difference) <= discordance <= 1:
        raise InputError(
            f"difference = {difference:g}, discordance = {discordance:g}.",
            expected="a difference that is not 0, and a discordance from its size to 1",
        )
    pairs = _pairs(tried)
    p_a, p_b = (discordance + difference) / 2, (discordance - difference) / 2
    n = bounds.paired_examples_needed(p_a, p_b, delta / pairs, power)
    reached = None if n is None else bounds.paired_power(n, p_a, p_b, delta / pairs)
    method = "Exact power of McNemar's test; the number of questions on which the two differ is random as well"
    return ComparisonPlan(n, n, reached, difference, discordance, tried, delta, "example", method, scope("example"))


def plan_comparison_by_pilot(
    a: "Evaluation",
    b: "Evaluation",
    *,
    clusters: str | None = None,
    tried: int = 2,
    delta: float = 0.05,
    power: float = 0.8,
    seed: int = 0,
) -> ComparisonPlan:
    """The same from a pilot: two evaluations on the same questions, whose difference is taken for the true one.

    For clusters and graded losses the power is simulated: units are drawn from the pilot's with replacement.

    Args:
        a: The pilot of A.
        b: The pilot of B, its questions in the same order.
        clusters: The column whose values name the clusters.
        tried: As for ``plan_comparison``.
        delta: As for ``plan_comparison``.
        power: As for ``plan_comparison``.
        seed: Of the simulation.

    Raises:
        InputError: The pilot shows no difference, or an argument is out of its range.
    """
    if not 0 < power < 1:
        raise InputError(f"power = {power:g} cannot be used.", expected="a probability strictly between 0 and 1")
    difference = float(a.losses.mean() - b.losses.mean())
    if difference == 0:
        raise InputError(
            "The pilot shows no difference.", expected="two models that differ", next_step="use --difference"
        )
    if clusters is None and a.zero_one and b.zero_one:
        discordance = float(np.mean(a.losses != b.losses))
        return plan_comparison(difference, discordance, tried=tried, delta=delta, power=power)
    halves, size = (1 + a.losses - b.losses) / 2, 1.0
    if clusters is not None:
        halves = bounds.group_means(halves, a.column(clusters))
        size = a.losses.size / halves.size
    level = delta / _pairs(tried) / 2
    units, reached = _simulated_size(halves if difference < 0 else 1 - halves, level, power, seed)
    method = (
        f"Power simulated with {_SIMULATIONS} draws of the pilot's {halves.size:,} units with replacement, to within "
        f"{2 * (0.25 / _SIMULATIONS) ** 0.5:.2f}"
    )
    unit = "example" if clusters is None else "group"
    questions = None if units is None else round(units * size)
    return ComparisonPlan(units, questions, reached, difference, None, tried, delta, unit, method, scope(unit))


def _simulated_size(halves: Floats, delta: float, power: float, seed: int) -> tuple[int | None, float | None]:
    """The smallest of a geometric list of sizes with this power of betting for a mean below 1/2."""
    rng = generator(seed, "certify", "power")
    for size in np.unique(np.geomspace(8, _MOST_UNITS, 24).round()).astype(int):
        draws = rng.choice(halves, (_SIMULATIONS, size))
        reached = float(np.mean([bounds.betting(draw, 1, delta) < 0.5 for draw in draws]))
        if reached >= power:
            return int(size), reached
    return None, None


def _pairs(tried: int) -> int:
    if tried < 2:
        raise InputError(f"tried = {tried}, but two models are compared.", expected="at least 2")
    return tried * (tried - 1) // 2
