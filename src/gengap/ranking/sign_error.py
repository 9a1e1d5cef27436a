"""Robust sign-error: how often a measure orders a pair wrongly, environment by environment."""

from typing import NamedTuple

import numpy as np

from gengap.arrays import Floats
from gengap.ranking.concordance import agreement
from gengap.ranking.grid import Grid, Indices

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

    Args:
        grid: The networks.
        measure: ``[N]``; pairs with a row that is NaN are left out.
        n_test: Number of test examples behind each gap, which is then a fraction; None for no weights.
        least_effective: Environments with fewer pairs, effectively, are discarded.
    """
    result, discarded = [], 0
    for name, levels in grid.levels.items():
        pairs = grid.pairs_along(name)
        agree = agreement(measure, grid.gap, pairs)
        weights = np.where(np.isfinite(agree), _weights(grid.gap[pairs.first] - grid.gap[pairs.second], n_test), 0.0)
        ends = np.sort(np.stack([levels[pairs.first], levels[pairs.second]]), axis=0)
        code = ends[0] * len(grid.values[name]) + ends[1]
        for one in np.unique(code):
            environment = _environment(grid, name, int(one), (1 - np.nan_to_num(agree)) / 2, weights, code == one)
            if environment.effective >= least_effective:
                result.append(environment)
            else:
                discarded += 1
    result.sort(key=lambda environment: -environment.error)
    errors = [environment.error for environment in result]
    if not errors:
        return SignError(float("nan"), float("nan"), (), discarded)
    return SignError(errors[0], float(np.mean(errors)), tuple(result), discarded)


def _environment(grid: Grid, name: str, code: int, wrong: Floats, weights: Floats, here: Indices) -> Environment:
    low, high = (grid.values[name][level] for level in divmod(code, len(grid.values[name])))
    w = weights[here]
    total = float(w.sum())
    if total == 0:
        return Environment(name, low, high, float("nan"), 0.0)
    return Environment(name, low, high, float(w @ wrong[here]) / total, total**2 / float(w @ w))


def _weights(difference: Floats, n_test: int | None) -> Floats:
    if n_test is None:
        return np.ones_like(difference)
    certain: Floats = np.maximum(0.0, 1 - 2 * np.exp(-2 * n_test * (difference / 2) ** 2))
    return certain**2
