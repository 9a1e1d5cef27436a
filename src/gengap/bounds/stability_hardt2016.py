"""Uniform stability of stochastic gradient steps: Hardt, Recht and Singer 2016, where its assumptions hold.

All of it is about the plain method, one example a step, chosen at random or by random permutations, and about
replacing one of n examples; the values bound the expected change of a loss. Whoever calls vouches for the loss
(convex, Lipschitz, smooth); what the step sizes and the momentum have to satisfy is checked.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gengap.arrays import Floats
from gengap.errors import InputError


class LossConstants(NamedTuple):
    """How a loss depends on the parameters: ``lipschitz`` L bounds gradients, ``smoothness`` beta their change."""

    lipschitz: float
    smoothness: float


def logistic_constants(x: ArrayLike) -> LossConstants:
    r"""For the logistic loss of <w, x> with labels +-1: :math:`L = \max\|x\|`, :math:`\beta = \max\|x\|^2 / 4`.

    They hold on inputs no longer than these; append a 1 to each for an offset.

    >>> logistic_constants([[3.0, 4.0]])
    LossConstants(lipschitz=5.0, smoothness=6.25)
    """
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 2 or values.size == 0 or not np.isfinite(values).all():
        raise InputError(f"Inputs of shape {values.shape}.", expected="finite numbers [n, D]")
    longest = float(np.linalg.norm(values, axis=1).max())
    return LossConstants(longest, longest**2 / 4)


def hardt2016_convex(constants: LossConstants, steps: ArrayLike, n: int, *, momentum: float = 0.0) -> float:
    r"""Theorem 3.8, for convex losses and steps up to 2/beta: :math:`\epsilon \le \frac{2 L^2}{n} \sum_t \alpha_t`.

    Args:
        constants: Of the loss.
        steps: The step sizes alpha_t of all steps, in order.
        n: Training examples, at least 1.
        momentum: Of the method; only 0 will do.

    Raises:
        InputError: An assumption does not hold.
    """
    alpha = _checked(constants, steps, n, momentum)
    _at_most(alpha, 2 / constants.smoothness, "2 / beta")
    return float(2 * constants.lipschitz**2 / n * alpha.sum())


def hardt2016_strongly_convex(
    constants: LossConstants, convexity: float, steps: ArrayLike, n: int, *, momentum: float = 0.0
) -> float:
    r"""Theorem 3.9: :math:`\epsilon \le 2 L^2 / (\gamma n)`, for constant steps of at most 1/beta.

    The loss is gamma-strongly convex on a compact convex set, onto which each step is projected, and L holds there.

    Args:
        constants: Of the loss on the set.
        convexity: gamma, in (0, beta].
        steps: The step sizes of all steps; all the same.
        n: Training examples, at least 1.
        momentum: Of the method; only 0 will do.

    Raises:
        InputError: An assumption does not hold.
    """
    alpha = _checked(constants, steps, n, momentum)
    _convexity(constants, convexity)
    if np.ptp(alpha) > 0:
        raise InputError("The step size changes.", expected="a constant step size for Theorem 3.9")
    _at_most(alpha, 1 / constants.smoothness, "1 / beta")
    return float(2 * constants.lipschitz**2 / (convexity * n))


def hardt2016_strongly_convex_decaying(
    constants: LossConstants,
    convexity: float,
    steps: ArrayLike,
    n: int,
    *,
    largest_loss: float,
    momentum: float = 0.0,
) -> float:
    r"""Theorem 3.10: :math:`\epsilon \le (2 L^2 + \beta \rho) / (\gamma n)`, for steps alpha_t = 1 / (gamma t).

    Args:
        constants: Of the loss on the compact convex set onto which each step is projected.
        convexity: gamma, in (0, beta].
        steps: The step sizes of all steps, from t = 1.
        n: Training examples, at least 1.
        largest_loss: rho, an upper bound on the loss on the set.
        momentum: Of the method; only 0 will do.

    Raises:
        InputError: An assumption does not hold.
    """
    alpha = _checked(constants, steps, n, momentum)
    _convexity(constants, convexity)
    if not np.allclose(alpha * convexity * np.arange(1, len(alpha) + 1), 1, rtol=1e-9, atol=0):
        raise InputError("The step sizes are not 1 / (gamma t).", expected="alpha_t = 1 / (gamma t) for Theorem 3.10")
    if not largest_loss > 0:
        raise InputError(f"largest_loss = {largest_loss:g}.", expected="a bound above 0")
    return float((2 * constants.lipschitz**2 + constants.smoothness * largest_loss) / (convexity * n))


def hardt2016_nonconvex(constants: LossConstants, steps: ArrayLike, n: int, *, momentum: float = 0.0) -> float:
    r"""Theorem 3.12: :math:`\epsilon \le \frac{1 + 1/q}{n - 1} (2 c L^2)^{1/(q + 1)} T^{q/(q + 1)}` with q = beta c.

    For a loss in [0, 1] and non-increasing steps alpha_t <= c/t. The smallest such c, the largest t alpha_t, is taken;
    the value is cut at 1, which no change of such a loss exceeds.

    Args:
        constants: Of the loss.
        steps: The step sizes alpha_t of all T steps, in order.
        n: Training examples, at least 2.
        momentum: Of the method; only 0 will do.

    Raises:
        InputError: An assumption does not hold.
    """
    alpha = _checked(constants, steps, n, momentum)
    if n < 2 or (np.diff(alpha) > 0).any():
        raise InputError(
            "There are fewer than two examples, or a step size grows.",
            expected="n >= 2 and monotonically non-increasing step sizes for Theorem 3.12",
        )
    T = len(alpha)
    c = float((alpha * np.arange(1, T + 1)).max())
    q = constants.smoothness * c
    logarithm = np.log(2 * c * constants.lipschitz**2) / (q + 1) + q / (q + 1) * np.log(T)
    return float(min(1.0, (1 + 1 / q) / (n - 1) * np.exp(logarithm)))


def _checked(constants: LossConstants, steps: ArrayLike, n: int, momentum: float) -> Floats:
    """The step sizes, once everything that all theorems need has been looked at."""
    alpha = np.asarray(steps, dtype=np.float64)
    if momentum != 0:
        raise InputError(f"The method has momentum {momentum:g}.", expected="plain gradient steps, without momentum")
    if not all(np.isfinite(value) and value > 0 for value in constants):
        raise InputError(
            f"lipschitz = {constants.lipschitz:g}, smoothness = {constants.smoothness:g}.",
            expected="finite constants above 0; a ReLU network has none that is known",
        )
    if n < 1 or alpha.ndim != 1 or alpha.size == 0 or not (np.isfinite(alpha) & (alpha > 0)).all():
        raise InputError(f"n = {n}, {alpha.size} steps.", expected="n >= 1 and a list of step sizes above 0")
    return alpha


def _at_most(alpha: Floats, largest: float, name: str) -> None:
    if alpha.max() > largest * (1 + 1e-12):
        raise InputError(f"A step size of {alpha.max():g} is too large.", expected=f"at most {name} = {largest:g}")


def _convexity(constants: LossConstants, convexity: float) -> None:
    if not 0 < convexity <= constants.smoothness:
        raise InputError(f"convexity = {convexity:g}.", expected=f"gamma in (0, beta = {constants.smoothness:g}]")
