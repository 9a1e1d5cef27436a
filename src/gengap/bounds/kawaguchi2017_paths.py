"""Theorems 8 and 9 of Kawaguchi, Kaelbling and Bengio 2017 (1710.05468): bounds for two-phase training."""

import math
from typing import NamedTuple

from gengap.arguments import real_number, shown, whole_number
from gengap.bounds.inputs import level
from gengap.errors import InputError


class BernsteinConstants(NamedTuple):
    r"""Assumption 1: ranges and second moments of what Theorem 8 applies Bernstein's inequality to.

    Attributes:
        C_zz: Bound on the largest eigenvalue of G_i = E[z z^T] - z_i z_i^T.
        gamma_zz_squared: Bound on :math:`\|E[G_i^2]\|_2`.
        C_yz: Bound on \|y_ik z_ij - E[y_k z_j]\|.
        gamma_yz_squared: Bound on the second moment of that.
        C_y: Bound on \|E\|y\|^2 - \|y_i\|^2\|; 0 for one-hot labels.
        gamma_y_squared: Bound on its second moment.
    """

    C_zz: float
    gamma_zz_squared: float
    C_yz: float
    gamma_yz_squared: float
    C_y: float = 0.0
    gamma_y_squared: float = 0.0


class Theorem8(NamedTuple):
    """The gap that Theorem 8 allows, and its three factors.

    Attributes:
        gap: beta_1 sum_k ||w_k||_2^2 + 2 beta_2 sum_k ||w_k||_1 + beta_3.
        beta_1: Of the squared norms: how far the second moments of features may be off.
        beta_2: Of the l1 norms: likewise features and labels.
        beta_3: Of the labels alone.
    """

    gap: float
    beta_1: float
    beta_2: float
    beta_3: float


def kawaguchi2017_theorem8(
    squared_norms: float,
    l1_norms: float,
    n: int,
    constants: BernsteinConstants,
    *,
    paths: float,
    outputs: int,
    delta: float = 0.05,
    as_printed: bool = False,
) -> Theorem8:
    r"""How far the risk of squared loss may exceed the mean over n examples that the features do not depend on.

    With probability 1 - delta, for all weights that phase two may find,
    :math:`R[w] - R_S[w] \le \beta_1 \sum_k \|\bar w_k\|_2^2 + 2 \beta_2 \sum_k \|\bar w_k\|_1 + \beta_3`, where
    :math:`\beta_1 = \frac{2 C_{zz}}{3 n} l_1 + \sqrt{2 \gamma_{zz}^2 l_1 / n}` with
    :math:`l_1 = \ln(3 d_z / \delta)`, :math:`\beta_2` likewise with :math:`\ln(6 d_y d_z / \delta)` and
    :math:`\beta_3` with :math:`\ln(3 / \delta)`.

    Source: Kawaguchi et al. 2017, Theorem 8, in the form that Bernstein's inequality gives. As it is remembered in
    print the root of :math:`\beta_2` lacks a factor 2 (``as_printed``), which the inequality does not give.

    Args:
        squared_norms: Sum over outputs of the squared l2 norms of path weights, at least 0.
        l1_norms: Sum over outputs of their l1 norms, at least 0.
        n: Examples of phase two alone, (1 - alpha) m, at least 1.
        constants: Bounds that hold for the distribution; estimates from data are no bounds.
        paths: d_z, the number of path features, at least 1.
        outputs: d_y, at least 1.
        delta: Probability of failure, in (0, 1).
        as_printed: Without the factor 2 under the root of beta_2: for comparison only.

    Raises:
        InputError: An argument is out of its range.
    """
    n, outputs = whole_number(n, "n"), whole_number(outputs, "outputs", most=10**9)
    paths = real_number(paths, "paths", least=1)
    squared_norms = real_number(squared_norms, "squared_norms", least=0)
    l1_norms = real_number(l1_norms, "l1_norms", least=0)
    if not isinstance(constants, BernsteinConstants):
        raise InputError(f"constants = {shown(constants)}.", expected="BernsteinConstants")
    values = zip(BernsteinConstants._fields, constants, strict=True)
    constants = BernsteinConstants(*(real_number(value, name, least=0) for name, value in values))
    delta = float(level(1, delta))
    one, two, three = (math.log(count) - math.log(delta) for count in (3 * paths, 6 * outputs * paths, 3))
    beta_1 = _bernstein(constants.C_zz, constants.gamma_zz_squared, one, n)
    factor = 0.5 if as_printed else 1.0
    beta_2 = _bernstein(constants.C_yz, factor * constants.gamma_yz_squared, two, n)
    beta_3 = _bernstein(constants.C_y, constants.gamma_y_squared, three, n)
    return Theorem8(beta_1 * squared_norms + 2 * beta_2 * l1_norms + beta_3, beta_1, beta_2, beta_3)


def _bernstein(C: float, gamma_squared: float, logarithm: float, n: int) -> float:
    return 2 * C * logarithm / (3 * n) + math.sqrt(2 * gamma_squared * logarithm / n)


def kawaguchi2017_theorem9(
    margin_risk: float,
    n: int,
    *,
    feature_norm: float,
    weight_norm: float,
    outputs: int,
    margin: float = 1.0,
    delta: float = 0.05,
) -> float:
    r"""Upper bound on the error rate of a network with frozen gates, by its margins; not cut at 1.

    :math:`R \le R^{(\rho)} + 2 d_y^2 C_\sigma C_w / (\rho \sqrt n) + \sqrt{\ln(1/\delta) / (2 n)}` with probability
    1 - delta, for all weights with :math:`\max_k \|\bar w_k\|_2 \le C_w`.

    Source: Kawaguchi et al. 2017, Theorem 9; the multi-class margin bound of Koltchinskii and Panchenko with the
    complexity C_sigma C_w / sqrt(n) of linear functions of the path features.

    Args:
        margin_risk: Mean over the n examples of min(1, max(0, 1 - t / rho)) for margins t.
        n: Examples of phase two alone, (1 - alpha) m, at least 1.
        feature_norm: C_sigma, a bound on the root of E ||z||^2.
        weight_norm: C_w, fixed before the n examples are seen; ``kawaguchi2017_weight_norm`` pays for a choice after.
        outputs: d_y, at least 2.
        margin: rho, above 0 and fixed beforehand.
        delta: Probability of failure, in (0, 1).

    Raises:
        InputError: An argument is out of its range.

    >>> round(kawaguchi2017_theorem9(0.1, 10_000, feature_norm=2.0, weight_norm=3.0, outputs=2, delta=0.1), 4)
    0.5907
    """
    margin_risk = real_number(margin_risk, "margin_risk", least=0, most=1)
    n, outputs = whole_number(n, "n"), whole_number(outputs, "outputs", least=2, most=10**9)
    feature_norm = real_number(feature_norm, "feature_norm", least=0)
    weight_norm = real_number(weight_norm, "weight_norm", least=0)
    margin = real_number(margin, "margin", above=0)
    complexity = 2.0 * outputs * outputs * feature_norm * weight_norm / (margin * math.sqrt(n))
    if not math.isfinite(complexity):
        raise InputError("The complexity is beyond float64.", expected="smaller norms, or a larger margin")
    return margin_risk + complexity + math.sqrt(-math.log(float(level(1, delta))) / (2 * n))


def kawaguchi2017_weight_norm(norm: float, delta: float) -> tuple[float, float]:
    r"""A bound C_w and a level at which Theorem 9 holds for a norm that is known only after training.

    The bounds 2^j for all integers j hold at once at levels :math:`\delta / (1.5 (|j| + 1) (|j| + 2))`, which sum up
    to delta; the smallest that is no less than the norm is taken.

    Args:
        norm: The largest norm of path weights, above 0.
        delta: Probability that any of the bounds fails.

    >>> kawaguchi2017_weight_norm(5.0, 0.05)[0]
    8.0
    """
    norm = real_number(norm, "norm", above=0)
    j = math.ceil(math.log2(norm))
    return 2.0**j, float(level(1, delta)) / (1.5 * (abs(j) + 1) * (abs(j) + 2))
