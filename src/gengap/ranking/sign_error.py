"""Robust sign-error: how often a measure orders a pair wrongly, environment by environment."""

from typing import NamedTuple

import numpy as np

from gengap.arrays import Floats
from gengap.ranking.concordance import agreement
from gengap.ranking.grid import Grid
from gengap.ranking.pairs import Indices, PairsAlong

LEAST_EFFECTIVE = 12.0  # pairs, effectively, in an environment: Dziugaite et al. 2020, appendix


class Environment(NamedTuple):
    """What changes between the networks of a pair: one hyperparameter, from one value to another.

    Attributes:
        hyperparameter: Its name.
        low, high: The two values.
        error: Weighted part of the pairs that the measure orders wrongly, in [0, 1]; a tie counts 1/2.
        effective: The effective number of pairs, (sum w)^2 / sum w^2.
    """

    hyperparameter: str
    low: object
    high: object
    error: float
    effective: float


class SignError(NamedTuple):
    """The sign-errors of one measure over environments.

    Attributes:
        worst: The largest; NaN where no environment has enough pairs.
        mean: Their mean.
        environments: All that have enough pairs, the worst first.
        discarded: How many have too few.
    """

    worst: float
    mean: float
    environments: tuple[Environment, ...]
    discarded: int


def sign_error(
    grid: Grid, measure: Floats, *, n_test: int | None = None, least_effective: float = LEAST_EFFECTIVE
) -> SignError:
    r"""Sign-errors :math:`\frac12 (1 - \mathrm{sign}(\mu_1 - \mu_2)\,\mathrm{sign}(g_1 - g_2))` by environment.

    With ``n_test`` a pair weighs :math:`\max(0, 1 - 2 e^{-2 n (\Delta/2)^2})^2`, where :math:`\Delta` is the difference
    of its gaps: a difference that n test examples cannot distinguish from chance weighs nothing. Without it all pairs
    weigh the same.

    Source: Dziugaite et al. 2020 (arXiv:2010.11924), section 5, and the authors' code for the weights. An environment
    here is a hyperparameter and two of its values; its pairs range over all settings of the others and all replicates.
    All pairs are counted. Beyond 50 million along a hyperparameter, or of more than 1,000 values beyond 500,000, a
    sample is taken, in which each pair weighs by those it stands for: environments are then judged by their pairs in
    the sample, so that more of them are discarded, and the worst error is biased upwards.

    Args:
        grid: The networks.
        measure: ``[N]``; pairs with a row that is NaN are left out.
        n_test: Number of test examples behind each gap, which is then a fraction; None for no weights.
        least_effective: Environments with fewer pairs, effectively, are discarded.
    """
    found, discarded = [], 0
    for name in grid.levels:
        enough, too_few = _along(grid, measure, name, n_test, least_effective)
        found += enough
        discarded += too_few
    found.sort(key=lambda environment: -environment.error)
    errors = [environment.error for environment in found]
    if not errors:
        return SignError(float("nan"), float("nan"), (), discarded)
    return SignError(errors[0], float(np.mean(errors)), tuple(found), discarded)


def _along(
    grid: Grid, measure: Floats, name: str, n_test: int | None, least_effective: float
) -> tuple[list[Environment], int]:
    """The environments of one hyperparameter with enough pairs, and how many have too few."""
    values = grid.values[name]
    codes, total, squares, wrong = _sums(grid, measure, name, n_test)
    effective = np.divide(total**2, squares, out=np.zeros_like(total), where=total > 0)
    enough = np.flatnonzero((effective >= least_effective) & (total > 0))
    environments = []
    for k in enough:
        first, second = divmod(int(codes[k]), len(values))
        error = float(wrong[k] / total[k])
        environments.append(Environment(name, values[first], values[second], error, float(effective[k])))
    return environments, len(codes) - len(enough)


def _sums(grid: Grid, measure: Floats, name: str, n_test: int | None) -> tuple[Indices, Floats, Floats, Floats]:
    """Numbers of the environments along ``name``, and sums over their pairs of w, w^2 and w times the error."""
    pairs = grid.pairs_along(name)
    if not pairs.sampled or grid.sampled_along(name):
        codes, of = np.unique(_codes(grid, name, pairs), return_inverse=True)
        return codes, *_by_environment(grid, measure, pairs, of.reshape(-1), n_test, len(codes))[1:]
    size = len(grid.values[name])
    sums = np.zeros((4, size**2))
    for pairs in grid.blocks_along(name):
        sums += _by_environment(grid, measure, pairs, _codes(grid, name, pairs), n_test, size**2)
    codes = np.flatnonzero(sums[0])
    return codes, *sums[1:, codes]


def _codes(grid: Grid, name: str, pairs: PairsAlong) -> Indices:
    """Number of each pair's environment: that of its lower value, times the number of values, plus the higher's."""
    one, other = grid.levels[name][pairs.first], grid.levels[name][pairs.second]
    return np.asarray(np.minimum(one, other) * len(grid.values[name]) + np.maximum(one, other))


def _by_environment(
    grid: Grid, measure: Floats, pairs: PairsAlong, of: Indices, n_test: int | None, size: int
) -> Floats:
    """Number of pairs, and sums of w, w^2 and w times the error, of each environment: ``[4, size]``."""
    agree = agreement(measure, grid.gap, pairs)
    weights = _weights(grid.gap[pairs.first] - grid.gap[pairs.second], n_test) * pairs.stands_for
    weights[np.isnan(agree)] = 0
    columns = (weights, weights**2, weights * (1 - np.nan_to_num(agree)) / 2)
    return np.stack([np.bincount(of, minlength=size), *(np.bincount(of, column, size) for column in columns)])


def _weights(difference: Floats, n_test: int | None) -> Floats:
    if n_test is None:
        return np.ones_like(difference)
    certain: Floats = np.maximum(0.0, 1 - 2 * np.exp(-2 * n_test * (difference / 2) ** 2))
    return certain**2
