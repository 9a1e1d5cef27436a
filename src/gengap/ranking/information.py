"""Conditional mutual information between the order of a measure and that of the gap: PGDL's score."""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from gengap.arrays import Floats
from gengap.ranking.grid import Grid
from gengap.ranking.pairs import Codes, Indices, Pairs

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
    signs = 3 * _sign(measure, first, second) + _sign(grid.gap, first, second)  # 0 .. 8
    by_set = {given: _normalised(signs, codes.of[both], codes.reverse) for given, codes in _codes(grid, pairs).items()}
    given = min(by_set, key=lambda names: (np.inf if np.isnan(by_set[names]) else by_set[names], len(names)))
    return Information(by_set[given], given, by_set, len(first))


def _codes(grid: Grid, pairs: Pairs) -> dict[tuple[str, ...], Codes]:
    """Conditioning set -> the number of each pair's values of it; the same for every measure."""
    if pairs.codes is None:
        pairs.codes = {}
        for names in conditioning_sets(grid):
            there, back = (_values(grid, names, *ends) for ends in _both_ways(pairs))
            code = np.unique(np.concatenate([there, back]), return_inverse=True)[1].reshape(-1)
            reverse = np.empty(int(code.max()) + 1, np.int64)
            reverse[code] = np.concatenate([code[len(there) :], code[: len(there)]])
            pairs.codes[names] = Codes(code[: len(there)], reverse)
    return pairs.codes


def _both_ways(pairs: Pairs) -> tuple[tuple[Indices, Indices], tuple[Indices, Indices]]:
    return (pairs.first, pairs.second), (pairs.second, pairs.first)


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


def _normalised(signs: Indices, given: Indices, reverse: Indices) -> float:
    """I / H from counts over ordered pairs, in any unit; NaN where the gaps' order is known from what is given.

    Args:
        signs: ``[M]``, 0 to 8; of the pair the other way round they are 8 less that.
        given: Number of the pair's values, ``[M]``.
        reverse: The number of the values of the pair the other way round.
    """
    one_way = np.bincount(9 * given + signs, minlength=9 * len(reverse)).reshape(-1, 9)
    counts = (one_way + one_way[reverse][:, ::-1]).reshape(-1, 3, 3).astype(np.float64)
    total = _entropy_sum(counts.sum((1, 2)))
    gap = _entropy_sum(counts.sum(1)) - total
    joint = _entropy_sum(counts)
    measure = _entropy_sum(counts.sum(2)) - total
    information = measure + gap - (joint - total)
    return float(np.clip(information / gap, 0.0, 1.0)) if gap > 2e-9 * len(signs) else float("nan")


def _entropy_sum(counts: Floats) -> float:
    """The sum of -c ln c, which is n times an entropy up to the constant n ln n that cancels in differences."""
    positive = counts[counts > 0]
    return float(-(positive * np.log(positive)).sum())
