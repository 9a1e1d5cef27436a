"""Kendall's tau over all networks, and the granulated one: along one hyperparameter at a time."""

from typing import NamedTuple

import numpy as np

from gengap.arrays import Floats
from gengap.ranking.grid import Grid
from gengap.ranking.pairs import Pairs


class Granulated(NamedTuple):
    """The granulated rank correlation of one measure.

    Attributes:
        value: Psi, the mean of ``along`` over the hyperparameters that have one; NaN where none has.
        along: Hyperparameter -> psi in [-1, 1]; NaN where no two networks differ in it alone.
    """

    value: float
    along: dict[str, float]


def kendall_tau(measure: Floats, gap: Floats) -> float:
    r"""Kendall's tau-b of a measure and the gap, in O(N log N).

    :math:`\tau_b = \frac{C - D}{\sqrt{(P - T_\mu)(P - T_g)}}` with C concordant and D discordant pairs of P, of which
    :math:`T_\mu` and :math:`T_g` are tied in the measure and in the gap.

    Source: Kendall 1945. Jiang et al. 2020 (arXiv:1912.02178), equation 2, divide by all pairs instead (tau-a), which
    is the same without ties.

    Args:
        measure: ``[N]``; rows in which it is NaN are left out.
        gap: ``[N]``, likewise.

    Returns:
        A number in [-1, 1]; NaN where fewer than two rows are left, or one of them is constant.

    >>> round(kendall_tau(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.3, 0.2])), 3)
    0.333
    """
    from scipy.stats import kendalltau

    both = np.isfinite(measure) & np.isfinite(gap)
    return float(kendalltau(measure[both], gap[both], variant="b").statistic) if both.sum() > 1 else float("nan")


def granulated_tau(grid: Grid, measure: Floats) -> Granulated:
    r"""Psi: the mean over hyperparameters of the mean correlation of networks that differ in this one alone.

    :math:`\psi_i` is the mean, over all settings of the other hyperparameters, of
    :math:`\mathrm{sign}(\mu_1 - \mu_2)\,\mathrm{sign}(g_1 - g_2)` over the pairs that differ in hyperparameter i.

    Source: Jiang et al. 2020 (arXiv:1912.02178), equations 5 and 6. Where a setting has several rows, every row of one
    setting is paired with every row of the other; rows of equal setting are never paired. Beyond 500,000 pairs along a
    hyperparameter a sample is taken, of equally many pairs from each setting of the others.

    Args:
        grid: The networks.
        measure: ``[N]``, NaN where there is none: pairs with such a row are left out.
    """
    along = {}
    for name in grid.levels:
        pairs = grid.pairs_along(name)
        agree = agreement(measure, grid.gap, pairs)
        seen = np.isfinite(agree)
        group = pairs.group[seen]
        counts = np.bincount(group)
        sums = np.bincount(group, agree[seen])
        along[name] = float((sums[counts > 0] / counts[counts > 0]).mean()) if seen.any() else float("nan")
    known = [value for value in along.values() if np.isfinite(value)]
    return Granulated(float(np.mean(known)) if known else float("nan"), along)


def agreement(measure: Floats, gap: Floats, pairs: Pairs) -> Floats:
    """For each pair 1 where measure and gap order it alike, -1 where they do not, 0 at a tie, NaN without a value."""
    return _order(measure, pairs) * _order(gap, pairs)


def _order(values: Floats, pairs: Pairs) -> Floats:
    """1, 0 or -1 by comparison, since differences may overflow; NaN where one of the two is."""
    first, second = values[pairs.first], values[pairs.second]
    order = (first > second).astype(np.float64) - (first < second)
    order[np.isnan(first) | np.isnan(second)] = np.nan
    return order
