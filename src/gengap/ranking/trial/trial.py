"""Measures on trial: do they follow the gap as labels are corrupted, and how far do harmless changes move them?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from gengap.arrays import Floats
from gengap.data import Problem
from gengap.measures import Record, find_measures, measure
from gengap.measures.records import Verdict
from gengap.ranking.concordance import kendall_tau
from gengap.ranking.trial.networks import CHANGES, SAME, SEED, SEEDS, Progress, Tried, trial_networks

if TYPE_CHECKING:
    import pandas as pd

SEARCHED = 100  # training examples of searches
PERMUTATIONS = 999
CONFIDENCE = 0.95
FEWEST = 5  # networks with a value, below which permutations say nothing
GAP = "gap"  # is tried as a measure too: how far harmless changes move what measures are to predict


@dataclass(frozen=True, eq=False)
class Trial:
    """The outcome of a trial.

    Attributes:
        records: How each measure fared, in the catalogue's order.
        gap: The same for the gap itself: the yardstick of what a harmless change does.
        networks: One row a network: ``level``, ``seed``, ``change``, ``gap``, ``train_error``, ``test_error``,
            ``train_loss``, ``epochs``, and the measures' values.
        problem: What the networks were trained on, in words.
        reasons: Measure -> why it has no value on a network, the first where there are several.
    """

    records: tuple[Record, ...]
    gap: Record
    networks: "pd.DataFrame"
    problem: str
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether no measure has a value."""
        return all(record.verdict == "no value" for record in self.records)


def trial(
    problem: Problem,
    measures: Sequence[str] | None = None,
    *,
    seeds: int = SEEDS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trial:
    r"""Trains small networks and puts measures on trial with them, twice.

    **Random labels.** One recipe on labels that are redrawn with ever larger probability, always to one training loss.
    Kendall's tau of the measure, times its sign, with the true gap says whether it follows; it is compared with
    permuted measures.

    **Harmless changes** of networks with true labels: layers or units rescaled or permuted, which leaves the function
    as it is; weights rounded to bfloat16; another order, seed, batch size, learning rate or optimizer, to the same
    training loss. The move of a measure v is :math:`\mathrm{median} |t(v') - t(v)|` over networks, over
    :math:`\mathrm{median} |t(v_i) - t(v_j)|` of networks i and j whose labels were corrupted at different levels; t is
    the logarithm where all values are above 0.

    Source: the randomization test of Zhang et al. 2017 (arXiv:1611.03530), turned on the measures; the audit of
    fragility that Zhang and Louis 2025 (arXiv:2510.18934) ask for. The move is ours.

    Args:
        problem: What is trained on: its first 400 training examples.
        measures: Names; None for all.
        seeds: Networks at each level and of each change, at least 2.
        seed: Of permutations and of what measures draw.
        progress: Called with (done, total, text).

    Raises:
        InputError: Names that do not exist, or data that the networks cannot fit.
    """
    chosen = find_measures(measures)
    signs = {one.name: one.sign for one in chosen}
    steps = 100  # of a hundred: half for training, half for measuring

    def training(done: int, total: int, text: str) -> None:
        if progress:
            progress(steps * done // (2 * total), steps, text)

    networks = trial_networks(problem, seeds=seeds, progress=training)
    values: list[dict[str, float]] = []
    reasons: dict[str, str] = {}
    for number, network in enumerate(networks):
        if progress:
            progress(50 + 50 * number // len(networks), steps, f"measuring network {number + 1} of {len(networks)}")
        found, absent = _values(network, list(signs), seed)
        values.append(found | {GAP: network.gap})
        reasons = absent | reasons
    columns = {name: np.array([row.get(name, np.nan) for row in values]) for name in (*signs, GAP)}
    records = tuple(judged(name, sign, columns[name], networks, seed=seed) for name, sign in signs.items())
    yardstick = judged(GAP, 1, columns[GAP], networks, seed=seed)
    return Trial(records, yardstick, _frame(networks, columns), f"{networks[0].problem.name}", reasons)


def _values(network: Tried, names: Sequence[str], seed: int) -> tuple[dict[str, float], dict[str, str]]:
    """Measure -> its value, of those that have one; measure -> why it has none, of the others."""
    rows = measure(
        network.model,
        network.problem,
        network.initial,
        measures=names,
        subset=SEARCHED,
        seed=seed,
        history=network.history,
        progress=False,
    )
    known = rows["value"].notna()
    values = dict(zip(rows["name"][known], map(float, rows["value"][known]), strict=True))
    return values, dict(zip(rows["name"][~known], rows["reason"][~known], strict=True))


def judged(name: str, sign: int, values: Floats, networks: Sequence[Tried], *, seed: int = 0) -> Record:
    """The record of one measure from its values on the networks of a trial.

    Args:
        name: The measure.
        sign: 1 where a larger value predicts a larger gap, -1 where a smaller one does.
        values: ``[N]``, NaN where there is none.
        networks: The N networks.
        seed: Of the permutations.
    """
    corrupted = np.array([network.change == SAME for network in networks]) & np.isfinite(values)
    gaps = np.array([network.gap for network in networks])
    n = int(corrupted.sum())
    tau, null = _tau(sign * values[corrupted], gaps[corrupted], seed)
    verdict: Verdict = "no value" if n < FEWEST else "blind"
    if n >= FEWEST and np.isfinite(tau) and abs(tau) > null:
        verdict = "follows" if tau > 0 else "opposes"
    if n < FEWEST:
        return Record(name, verdict, None, None, n, {})
    if not np.isfinite(tau):  # constant: it orders nothing
        return Record(name, "constant", 0.0, None, n, _moves(values, networks))
    return Record(name, verdict, float(tau), float(null), n, _moves(values, networks))


def _tau(values: Floats, gaps: Floats, seed: int) -> tuple[float, float]:
    """Kendall's tau and the 95 % quantile of the absolute one of permuted values."""
    tau = kendall_tau(values, gaps)
    if not np.isfinite(tau):
        return tau, float("nan")
    # Of a permutation only C - D changes: the signs of all pairs are the same numbers in another order.
    pairs, gap_pairs = (np.sign(one[:, None] - one) for one in (values, gaps))
    untied, untied_gaps = (np.count_nonzero(signs) // 2 for signs in (pairs, gap_pairs))
    rng = np.random.default_rng(seed)
    orders = (rng.permutation(len(values)) for _ in range(PERMUTATIONS))
    sums = [abs(np.vdot(pairs[np.ix_(order, order)], gap_pairs)) / 2 for order in orders]
    return tau, float(np.quantile(np.array(sums) / np.sqrt(untied) / np.sqrt(untied_gaps), CONFIDENCE))


def _moves(values: Floats, networks: Sequence[Tried]) -> Mapping[str, float | None]:
    """Change -> how far it moves the measure, in what networks of different levels differ by."""
    positive = bool((values[np.isfinite(values)] > 0).all())
    shown = np.log(values) if positive else values
    at = {(network.level, network.seed, network.change): k for k, network in enumerate(networks)}
    same = [(level, seed) for level, seed, change in at if change == SAME]
    apart = [
        abs(shown[at[*one, SAME]] - shown[at[*other, SAME]])
        for one, other in combinations(same, 2)
        if one[0] != other[0]
    ]
    between = _median(apart)
    moves: dict[str, float | None] = {}
    for change in CHANGES:
        if change == SEED:
            pairs = [(at[*a, SAME], at[*b, SAME]) for a, b in combinations([s for s in same if s[0] == 0.0], 2)]
        else:
            pairs = [(at[0.0, s, SAME], k) for (_, s, c), k in at.items() if c == change and (0.0, s, SAME) in at]
        moved = _median([abs(shown[a] - shown[b]) for a, b in pairs])
        if np.isfinite(moved) and np.isfinite(between):
            moves[change] = 0.0 if moved == 0 else float(moved / between) if between > 0 else None
    return moves


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")


def _frame(networks: Sequence[Tried], columns: Mapping[str, Floats]) -> "pd.DataFrame":
    import pandas as pd

    facts = ("level", "seed", "change", "train_error", "test_error")
    frame = pd.DataFrame([{name: getattr(network, name) for name in facts} for network in networks])
    frame["train_loss"] = [network.history[-1]["train_loss"] for network in networks]
    frame["epochs"] = [len(network.history) for network in networks]
    return pd.concat([frame, pd.DataFrame(columns)], axis=1)
