"""What measuring a network will cost, how many examples its searches may use, and how much of the work is done."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from gengap.bars import Update
from gengap.measures.registry import Measure
from gengap.measures.searches import BACKWARD, Perturbable, noisy
from gengap.measures.subject import Subject

SECONDS = 60.0  # for searches and the Fisher-Rao norm, where nothing else is asked for
MOST, LEAST = 1000, 64  # examples of searches: sigma is known to about a tenth from 64
LEAST_SHARPNESS = 256  # alpha is known to a third only from 64
PASSES = {"sigma": 50, "magnitude_sigma": 50, "alpha": 170, "magnitude_alpha": 200}  # typical, in forward passes
RADIAL = 5.0  # forward passes that a pass of the Fisher-Rao norm costs
PROBED = 50  # examples of the pass that is timed
SUBSET = {"fisher_rao"}  # takes the examples of searches
OPERATORS = {"dist_spec_init_operator", "fro_over_spec_operator"}  # the first to need the layers' operators
LANCZOS = 200.0  # forward passes of an example that the spectral norms of all operators cost, roughly
MIXED_SECONDS = 15.0  # for curves over mixed examples, where nothing else is asked for
CURVES = ("mixup_response", "mixup_response_same_label")
MIXED, LEVELS = 500, 10  # pairs of examples, and shares in which they are mixed
LEVEL_STEPS = (1, 2, 5, 10)
SMALL = 0.05  # seconds of a measure that neither passes over examples nor searches, roughly


@dataclass(frozen=True)
class Costs:
    """Seconds of a network's passes, as measured.

    Attributes:
        example: A forward pass, for each example.
        perturbation: Other weights put into the network, drawn from noise.
    """

    example: float
    perturbation: float

    def passes(self, passes: float, examples: int) -> float:
        """Of so many forward passes of a search over so many examples."""
        return passes * (self.example * examples + self.perturbation)


@torch.no_grad()
def measured_costs(subject: Subject) -> Costs:
    """Costs from one timed pass of 50 examples, after one of two that is not timed."""
    names = dict.fromkeys(layer.parameter for layer in subject.layers)
    x, y = subject.examples(torch.arange(min(subject.n, PROBED)))
    Perturbable(subject.folded_model, names, x[:2], y[:2]).correct(
        {n: subject.folded_model.get_parameter(n) for n in names}
    )
    network = Perturbable(subject.folded_model, names, x, y)
    started = time.perf_counter()
    weights = noisy(network.weights, 0.0, None, 0)
    drawn = time.perf_counter()
    network.correct(weights)
    return Costs((time.perf_counter() - drawn) / len(y), drawn - started)


def searches_of(measure: Measure) -> tuple[str, ...]:
    """The searches that a measure of the family ``flatness`` uses, by their names in ``Flatness``."""
    if "search" not in measure.needs:
        return ()
    magnitude = "magnitude_" if "_mag_" in measure.name else ""
    if not measure.name.startswith("sharpness"):
        return (f"{magnitude}sigma",)
    # Equations 51 and 52 take sigma beside alpha.
    return (f"{magnitude}alpha",) if magnitude or measure.name.endswith("flatness") else ("alpha", "sigma")


def is_sharpness(measure: Measure) -> bool:
    """Whether a measure needs the largest box, whose search costs some hundred passes."""
    return any(search.endswith("alpha") for search in searches_of(measure))


@dataclass
class Plan:
    """Which examples searches use, what is left out, and the expected seconds of each measure.

    Attributes:
        subset: Examples of searches.
        level_step: Pairs of mixed examples are mixed at every so many levels of a curve, the pairs in turn.
        left_out: Names of measures that are not computed.
        reason: Why.
        seconds: Name of a measure -> expected seconds, shared work counted where it comes first.
    """

    subset: int
    level_step: int = 1
    left_out: frozenset[str] = frozenset()
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


def plan(subject: Subject, chosen: Sequence[Measure], *, limited: bool, named: bool) -> Plan:
    """How to compute these measures.

    Args:
        subject: The network and its data.
        chosen: The measures, in order.
        limited: Whether the searches' examples are chosen so that searches take about a minute, and the levels at
            which pairs are mixed so that this takes a quarter of it; otherwise ``subject.subset`` and all levels hold.
        named: Whether the measures were asked for by name, so that none is left out and pairs are mixed at all levels.
    """
    subset = min(subject.subset, subject.n)
    if all(one.needs.isdisjoint(("data", "gradients")) for one in chosen):
        return Plan(subset)
    try:
        costs = measured_costs(subject)
    except Exception:  # whatever an unforeseen network raises: its rows will say so
        return Plan(subset)
    left_out: frozenset[str] = frozenset()
    level_step = _level_step(costs, chosen, subject.n) if limited and not named else 1
    if limited:
        most = min(MOST, subject.n)
        sharpness = {one.name for one in chosen if is_sharpness(one)}
        rest = [one for one in chosen if one.name not in sharpness]
        if sharpness and not named and _search_seconds(costs, chosen, most) > SECONDS:
            left_out = frozenset(sharpness)
        least = LEAST_SHARPNESS if sharpness and not left_out else LEAST
        subset = _affordable(costs, rest if left_out else chosen, least, most)
    reason = (
        "not in the default call for a network of this size, since its search takes some hundred passes over at least "
        f"{LEAST_SHARPNESS} examples: ask for it by name, or for full=True (--full)"
    )
    computed = [one for one in chosen if one.name not in left_out]
    seconds = _seconds(subject, costs, computed, subset, level_step)
    return Plan(subset, level_step, left_out, reason if left_out else "", seconds)


def _affordable(costs: Costs, chosen: Sequence[Measure], least: int, most: int) -> int:
    """The largest of a few round numbers of examples that fits, so that a little noise in time changes nothing."""
    sizes = [size for size in (1000, 500, 250, 128, 64) if least <= size < most]
    fitting = (size for size in (most, *sizes) if _search_seconds(costs, chosen, size) <= SECONDS)
    return next(fitting, min(least, most))


def _level_step(costs: Costs, chosen: Sequence[Measure], examples: int) -> int:
    """The least step between the levels of a pair with which the curves fit."""
    curves = sum(_mixed_seconds(one.name, costs, examples, 1) for one in chosen if one.name in CURVES)
    return next((step for step in LEVEL_STEPS if curves / step <= MIXED_SECONDS), LEVEL_STEPS[-1])


def _search_seconds(costs: Costs, chosen: Sequence[Measure], examples: int) -> float:
    searches = {search for one in chosen for search in searches_of(one)}
    total = sum(costs.passes(PASSES[search], examples) for search in searches)
    radial = any(one.name in SUBSET for one in chosen)
    return total + radial * RADIAL * costs.example * examples


def _mixed_seconds(name: str, costs: Costs, examples: int, level_step: int) -> float:
    """Of the forward passes over mixtures of at most 500 pairs that a measure takes."""
    levels = LEVELS / level_step if name in CURVES else float(name == "label_mixup_accuracy")
    return levels * min(MIXED, examples) * costs.example


def _seconds(
    subject: Subject, costs: Costs, chosen: Sequence[Measure], subset: int, level_step: int
) -> dict[str, float]:
    """Expected seconds of each, with what it is the first to use."""
    seconds, passed = {}, False
    done: set[str] = set()
    for one in chosen:
        expected = SMALL
        if not passed and _passes_over_all(one):
            expected += costs.example * subject.n * (1 + 2 * BACKWARD * subject.with_gradients)
            passed = True
        if one.name in OPERATORS:
            expected += LANCZOS * costs.example
        if one.name in SUBSET:
            expected += RADIAL * costs.example * subset
        expected += _mixed_seconds(one.name, costs, subject.n, level_step)
        for search in searches_of(one):
            if search not in done:
                expected += costs.passes(PASSES[search], subset)
                done.add(search)
        seconds[one.name] = expected
    return seconds


def _passes_over_all(measure: Measure) -> bool:
    """Whether a measure needs the one pass over all examples; searches and the Fisher-Rao norm take a subset."""
    return (
        not measure.needs.isdisjoint(("data", "gradients"))
        and measure.name not in SUBSET
        and "search" not in measure.needs
    )


class Work:
    """How much of a plan is done, in hundredths of the expected seconds, for a progress bar.

    Args:
        plan: The plan.
        chosen: The measures, in order.
        report: Called with (done, 100, text).
    """

    def __init__(self, plan: Plan, chosen: Sequence[Measure], report: Update):
        self._seconds = [plan.seconds.get(one.name, 0.0 if one.name in plan.left_out else SMALL) for one in chosen]
        self._chosen, self._report = chosen, report
        self._index = 0

    def start(self, index: int) -> None:
        """The measure of this index begins."""
        self._index = index
        self._tell(0.0, self._chosen[index].name)

    def advance(self, symbol: str, passes: float) -> None:
        """A search has made so many passes."""
        text = f"{self._chosen[self._index].name}: search for {symbol}, pass {passes:.0f} of about {PASSES[symbol]}"
        self._tell(min(passes / PASSES[symbol], 0.95), text)

    def _tell(self, share: float, text: str) -> None:
        total = sum(self._seconds) or 1.0
        done = sum(self._seconds[: self._index]) + share * self._seconds[self._index]
        self._report(round(100 * done / total), 100, text)
