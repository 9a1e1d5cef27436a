"""Robust sign-error: how often a measure orders a pair wrongly, environment by environment."""

from typing import NamedTuple

import numpy as np

from gengap.arrays import Floats
from gengap.ranking.concordance import agreement
from gengap.ranking.grid import Grid

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
    Beyond 500,000 pairs along a hyperparameter a sample is taken, in which each pair weighs by those it stands for.

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
    pairs, levels, values = grid.pairs_along(name), grid.levels[name], grid.values[name]
    agree = agreement(measure, grid.gap, pairs)
    weights = _weights(grid.gap[pairs.first] - grid.gap[pairs.second], n_test) * pairs.stands_for
    weights[np.isnan(agree)] = 0
    low, high = np.sort(np.stack([levels[pairs.first], levels[pairs.second]]), axis=0)
    codes, of = np.unique(low * len(values) + high, return_inverse=True)
    total, squares, wrong = (
        np.bincount(of.reshape(-1), column, len(codes))
        for column in (weights, weights**2, weights * (1 - np.nan_to_num(agree)) / 2)
    )
    effective = np.divide(total**2, squares, out=np.zeros_like(total), where=total > 0)
    enough = np.flatnonzero((effective >= least_effective) & (total > 0))
    environments = []
    for k in enough:
        first, second = divmod(int(codes[k]), len(values))
        error = float(wrong[k] / total[k])
        environments.append(Environment(name, values[first], values[second], error, float(effective[k])))
    return environments, len(codes) - len(enough)


def _weights(difference: Floats, n_test: int | None) -> Floats:
    if n_test is None:
        return np.ones_like(difference)
    certain: Floats = np.maximum(0.0, 1 - 2 * np.exp(-2 * n_test * (difference / 2) ** 2))
    return certain**2
