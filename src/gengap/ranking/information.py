"""Conditional mutual information between the order of a measure and that of the gap: PGDL's score."""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from gengap.arrays import Floats
from gengap.ranking.grid import Grid, Indices, Pairs

MOST_CONDITIONED = 2  # hyperparameters in a conditioning set: Jiang et al. 2020, section 4


class Information(NamedTuple):
    """Normalised conditional mutual information of one measure.

    Attributes:
        value: The least over the conditioning sets, in [0, 1]; NaN where no pair has a value.
        given: The conditioning set at which it is least.
        by_set: Conditioning set -> the information given it.
        pairs: Number of pairs it was counted on.
    """

    value: float
    given: tuple[str, ...]
    by_set: dict[tuple[str, ...], float]
    pairs: int


def conditional_information(grid: Grid, measure: Floats, pairs: Pairs) -> Information:
    r"""The least of :math:`I(V_\mu; V_g \mid U_S) / H(V_g \mid U_S)` over sets S of at most two hyperparameters.

    V is the sign of the difference of two networks' measures or gaps, :math:`U_S` the values of the hyperparameters in
    S of both networks; probabilities are frequencies over ordered pairs. The plug-in estimate is biased upwards where
    few pairs share a value of :math:`U_S`; compare it with that of a permuted measure on the same number of pairs.

    Source: Jiang et al. 2020 (arXiv:1912.02178), equations 7 to 10, and the score of the PGDL competition (Jiang et
    al. 2020, arXiv:2012.07976), which is 100 times this.

    Args:
        grid: The networks.
        measure: ``[N]``; pairs with a row that is NaN are left out.
        pairs: Pairs of rows of different settings; each counts in both orders.
    """
    both = np.isfinite(measure[pairs.first]) & np.isfinite(measure[pairs.second])
    if not both.any():
        return Information(float("nan"), (), {}, 0)
    first, second = pairs.first[both], pairs.second[both]
    first, second = np.concatenate([first, second]), np.concatenate([second, first])
    signs = 3 * _sign(measure, first, second) + _sign(grid.gap, first, second)  # 0 .. 8
    chosen = np.concatenate([both, both])
    by_set = {given: _normalised(signs, codes[chosen]) for given, codes in _codes(grid, pairs).items()}
    given = min(by_set, key=lambda names: (np.inf if np.isnan(by_set[names]) else by_set[names], len(names)))
    return Information(by_set[given], given, by_set, int(both.sum()))


def _codes(grid: Grid, pairs: Pairs) -> dict[tuple[str, ...], Indices]:
    """Conditioning set -> the number of each ordered pair's values of it, ``[2 M]``; the same for every measure."""
    if pairs.codes is None:
        first, second = np.concatenate([pairs.first, pairs.second]), np.concatenate([pairs.second, pairs.first])
        pairs.codes = {
            names: np.unique(_values(grid, names, first, second), return_inverse=True)[1].reshape(-1)
            for names in conditioning_sets(grid)
        }
    return pairs.codes


def conditioning_sets(grid: Grid) -> Iterator[tuple[str, ...]]:
    """Every set of at most two hyperparameters, the empty one first; never all of them, which leave nothing to vary."""
    for size in range(min(MOST_CONDITIONED, max(len(grid.levels) - 1, 0)) + 1):
        yield from combinations(grid.levels, size)


def _sign(values: Floats, first: Indices, second: Indices) -> Indices:
    """0, 1 or 2 where the first is smaller, equal or larger."""
    return 1 + (values[first] > values[second]).astype(np.int64) - (values[first] < values[second])


def _values(grid: Grid, chosen: tuple[str, ...], first: Indices, second: Indices) -> Indices:
    code = np.zeros(len(first), np.int64)
    for name in chosen:
        size, level = len(grid.values[name]), grid.levels[name]
        code = (code * size + level[first]) * size + level[second]
    return code


def _normalised(signs: Indices, given: Indices) -> float:
    """I / H from counts, in any unit; NaN where the gaps' order is known from what is given."""
    counts = np.bincount(9 * given + signs, minlength=9 * (int(given.max()) + 1)).reshape(-1, 3, 3).astype(np.float64)
    total = _entropy_sum(counts.sum((1, 2)))
    gap = _entropy_sum(counts.sum(1)) - total
    joint = _entropy_sum(counts)
    measure = _entropy_sum(counts.sum(2)) - total
    information = measure + gap - (joint - total)
    return float(np.clip(information / gap, 0.0, 1.0)) if gap > 1e-9 * len(signs) else float("nan")


def _entropy_sum(counts: Floats) -> float:
    """The sum of -c ln c, which is n times an entropy up to the constant n ln n that cancels in differences."""
    positive = counts[counts > 0]
    return float(-(positive * np.log(positive)).sum())
