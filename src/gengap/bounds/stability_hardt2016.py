"""Uniform stability of stochastic gradient steps: Hardt, Recht and Singer 2016, where its assumptions hold.

All of it is about the plain method, one example a step, chosen at random or by random permutations, and about
replacing one of n examples; the values bound the expected change of a loss. Whoever calls vouches for the loss
(convex, Lipschitz, smooth); what the step sizes and the momentum have to satisfy is checked.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gengap.arguments import finite_array, real_number, shown, whole_number
from gengap.arrays import Floats, euclidean_norm
from gengap.errors import InputError, exact


class LossConstants(NamedTuple):
    """How a loss depends on the parameters: ``lipschitz`` L bounds gradients, ``smoothness`` beta their change."""

    lipschitz: float
    smoothness: float


def logistic_constants(x: ArrayLike) -> LossConstants:
    r"""For the logistic loss of <w, x> with labels +-1: :math:`L = \max\|x\|`, :math:`\beta = \max\|x\|^2 / 4`.

    They hold on inputs no longer than these; append a 1 to each for an offset.

    Args:
        x: Inputs, ``[n, D]``, of which one is not 0 and whose squares float64 holds.

    Raises:
        InputError: The inputs are no such numbers.

    >>> logistic_constants([[3.0, 4.0]])
    LossConstants(lipschitz=5.0, smoothness=6.25)
    """
    longest = max(euclidean_norm(row) for row in finite_array(x, "x", ndim=2))
    smoothness = longest * longest / 4  # a product overflows to infinity, a power to an OverflowError
    return LossConstants(longest, real_number(smoothness, "max ||x||^2 / 4", above=0, next_step="rescale x"))


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
    return _finite(2 * _squared(constants.lipschitz) / n * float(alpha.sum()))


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
    return _finite(2 * _squared(constants.lipschitz) / (convexity * n))


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
        largest_loss: rho, above 0, an upper bound on the loss on the set.
        momentum: Of the method; only 0 will do.

    Raises:
        InputError: An assumption does not hold.
    """
    alpha = _checked(constants, steps, n, momentum)
    _convexity(constants, convexity)
    if not np.allclose(alpha * convexity * np.arange(1, len(alpha) + 1), 1, rtol=1e-9, atol=0):
        raise InputError("The step sizes are not 1 / (gamma t).", expected="alpha_t = 1 / (gamma t) for Theorem 3.10")
    rho = real_number(largest_loss, "largest_loss", above=0)
    return _finite((2 * _squared(constants.lipschitz) + constants.smoothness * rho) / (convexity * n))


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
    logarithm = (np.log(2 * c) + 2 * np.log(constants.lipschitz)) / (q + 1) + q / (q + 1) * np.log(T)
    return float(min(1.0, (1 + 1 / q) / (n - 1) * np.exp(logarithm)))


def _checked(constants: LossConstants, steps: ArrayLike, n: int, momentum: float) -> Floats:
    """The step sizes, after the checks that all theorems share."""
    if real_number(momentum, "momentum", least=0, below=1) != 0:
        raise InputError(
            f"The method has momentum {exact(momentum)}.", expected="plain gradient steps, without momentum"
        )
    if not isinstance(constants, LossConstants):
        raise InputError(f"constants = {shown(constants)}.", expected="LossConstants, of lipschitz and smoothness")
    for name, value in zip(LossConstants._fields, constants, strict=True):
        real_number(value, name, above=0, next_step="take a loss with a known constant; a ReLU network has none")
    whole_number(n, "n")
    alpha = finite_array(steps, "steps", ndim=1)
    if not (alpha > 0).all():
        raise InputError(f"A step size of {exact(alpha.min())}.", expected="step sizes above 0")
    return alpha


def _at_most(alpha: Floats, largest: float, name: str) -> None:
    if alpha.max() > largest * (1 + 1e-12):
        raise InputError(
            f"A step size of {exact(alpha.max())} is too large.", expected=f"at most {name} = {exact(largest)}"
        )


def _squared(lipschitz: float) -> float:
    lipschitz = float(lipschitz)
    return lipschitz * lipschitz  # infinite where it overflows, where a power would raise


def _finite(value: float) -> float:
    return real_number(float(value), "the stability", least=0, next_step="rescale the loss")


def _convexity(constants: LossConstants, convexity: float) -> None:
    real_number(convexity, "convexity", above=0, most=constants.smoothness)
