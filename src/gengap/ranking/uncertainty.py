"""How far a ranking can be trusted: intervals by a bootstrap over settings, and a permutation null."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gengap.arrays import Floats
from gengap.ranking.concordance import agreement
from gengap.ranking.grid import Grid
from gengap.ranking.information import conditional_information
from gengap.ranking.pairs import Indices, Pairs

FEWEST_SETTINGS = 10  # below which a bootstrap over settings says next to nothing


class Interval(NamedTuple):
    """A percentile interval of level 95 %; NaN where there are too few settings."""

    low: float
    high: float


class Bootstrap:
    """Weights of settings drawn with replacement: replicates of one setting stay together.

    The statistics are recomputed on a sample of pairs, each weighted by the product of how often its two settings
    were drawn, or for replicates by how often their one was, times (K - 1) / K for K settings: so both kinds of pairs
    keep their shares on average. The same draws serve every measure.

    Args:
        grid: The networks.
        draws: Bootstrap samples.
        most_pairs: Pairs for tau, and for each hyperparameter's psi.
        seed: Of the draws.
    """

    def __init__(self, grid: Grid, *, draws: int = 200, most_pairs: int = 20_000, seed: int = 0):
        self.grid, self.draws = grid, draws
        rng = np.random.default_rng(seed)
        size = grid.n_settings
        self._times = rng.multinomial(size, np.full(size, 1 / size), draws).astype(np.float32)
        self._all = grid.pairs(most=most_pairs, seed=seed, replicates=True)
        self._along = {name: grid.pairs_along(name).some(most_pairs, rng) for name in grid.levels}
        self._share = {name: _equal_groups(pairs.group) for name, pairs in self._along.items()}
        self._weights_of: dict[int, NDArray[np.float32]] = {}

    @property
    def enough(self) -> bool:
        """Whether there are enough settings for an interval."""
        return self.grid.n_settings >= FEWEST_SETTINGS

    def tau(self, measure: Floats) -> Interval:
        """Interval of Kendall's tau-b."""
        if not self.enough:
            return Interval(float("nan"), float("nan"))
        return _interval(self._weighted_tau(measure))

    def granulated(self, measure: Floats) -> Interval:
        """Interval of Psi; a setting of the other hyperparameters weighs by the pairs that were drawn in it."""
        if not self.enough:
            return Interval(float("nan"), float("nan"))
        along = np.stack([self._along_tau(measure, name) for name in self.grid.levels])
        with np.errstate(invalid="ignore"):
            known = np.isfinite(along)
            mean = np.where(known, along, 0).sum(0) / np.where(known.any(0), known.sum(0), np.nan)
        return _interval(mean)

    def _weighted_tau(self, measure: Floats) -> Floats:
        pairs = self._all
        first, second = pairs.first, pairs.second
        agree = agreement(measure, self.grid.gap, pairs)
        seen = np.isfinite(agree)
        tied_measure = (measure[first] == measure[second]) & seen
        tied_gap = (self.grid.gap[first] == self.grid.gap[second]) & seen
        columns = np.stack([seen, tied_measure, tied_gap, np.nan_to_num(agree)], axis=1)
        total, same_measure, same_gap, concordant = self._sums(pairs, columns)
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.sqrt((total - same_measure) * (total - same_gap))
            return np.asarray(concordant / np.where(scale > 0, scale, np.nan))

    def _along_tau(self, measure: Floats, name: str) -> Floats:
        pairs = self._along[name]
        agree = agreement(measure, self.grid.gap, pairs)
        seen = np.isfinite(agree) * self._share[name]
        total, concordant = self._sums(pairs, np.stack([seen, np.nan_to_num(agree) * seen], axis=1))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(concordant / np.where(total > 0, total, np.nan))

    def _sums(self, pairs: Pairs, columns: Floats) -> Floats:
        """Sums over the pairs of each sample, ``[columns, draws]``, of ``columns`` ``[M, columns]``."""
        return np.asarray((self._weights(pairs) @ columns.astype(np.float32)).T, np.float64)

    def _weights(self, pairs: Pairs) -> NDArray[np.float32]:
        """How often each pair counts in each sample, ``[draws, M]``, the same for every measure."""
        if id(pairs) not in self._weights_of:
            first, second = self.grid.settings[pairs.first], self.grid.settings[pairs.second]
            of_replicates = np.float32(1 - 1 / self.grid.n_settings)
            other = np.where(first == second, of_replicates, self._times[:, second])
            self._weights_of[id(pairs)] = self._times[:, first] * other
        return self._weights_of[id(pairs)]


def information_null(grid: Grid, measure: Floats, pairs: Pairs, *, draws: int = 10, seed: int = 0) -> Floats:
    """Conditional information of a measure whose values are dealt out anew, on the same pairs, ``[draws]``.

    The values of whole settings are permuted, so that replicates keep theirs together. A setting with fewer rows than
    the one its values come from takes the first of them, one with more repeats them; rows without a value stay so.
    Where settings have unequal numbers of rows, repeated values give the permuted measure more information than noise
    that differs from row to row has: the null is then conservative.

    Args:
        grid: The networks.
        measure: ``[N]``.
        pairs: Those on which the measure's own information was counted.
        draws: Permutations.
        seed: Of the permutations.
    """
    rng = np.random.default_rng(seed)
    return np.array([conditional_information(grid, _dealt_out(grid, measure, rng), pairs).value for _ in range(draws)])


def _dealt_out(grid: Grid, measure: Floats, rng: np.random.Generator) -> Floats:
    known = np.flatnonzero(np.isfinite(measure))
    rows = known[np.argsort(grid.settings[known], kind="stable")]
    _, starts, sizes = np.unique(grid.settings[rows], return_index=True, return_counts=True)
    place = np.arange(len(rows)) - np.repeat(starts, sizes)
    source = np.repeat(rng.permutation(len(sizes)), sizes)
    dealt = measure.copy()
    dealt[rows] = measure[rows[starts[source] + place % sizes[source]]]
    return dealt


def _equal_groups(group: Indices) -> Floats:
    """Weights that give every group the same total."""
    return np.asarray(1 / np.bincount(group)[group]) if len(group) else np.zeros(0)


def _interval(values: Floats) -> Interval:
    known = values[np.isfinite(values)]
    if len(known) < len(values) / 2:
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(float(low), float(high))
