"""Logistic regression on separable data: the loss vanishes, the norm grows, the direction converges slowly."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from gengap.arguments import finite_array, power_of_two, real_number, whole_numbers
from gengap.arrays import Floats
from gengap.errors import InputError, unknown
from gengap.interpolate.implicit_bias.hard_margin import hard_margin, signed_points

Optimiser = Literal["gd", "adam"]
_MOST = 1e150  # of points
OPTIMISERS: tuple[Optimiser, ...] = ("gd", "adam")
Step = Callable[[Floats, Floats, int], Floats]
"""New weights from weights, gradient and the number of the step, from 1."""


@dataclass(frozen=True)
class DirectionPoint:
    """Logistic regression after some steps, against the hard-margin solution.

    Attributes:
        step: Steps so far.
        loss: Mean of log(1 + exp(-y <w, x>)), in nats.
        norm: ||w||.
        distance: || w/||w|| - v/||v|| || with v the hard-margin solution; gradient descent: O(1 / log step).
        angle_loss: 1 - cosine of the angle between them; O(1 / log^2 step).
        margin_gap: Margin of v less that of w/||w||, in units of x, at least 0; O(1 / log step).
    """

    step: int
    loss: float
    norm: float
    distance: float
    angle_loss: float
    margin_gap: float


def logistic_direction(
    X: ArrayLike,
    y: ArrayLike,
    steps: Iterable[int],
    *,
    optimiser: Optimiser = "gd",
    rate: float | None = None,
    start: ArrayLike | None = None,
) -> list[DirectionPoint]:
    """Full-batch training of logistic regression without regularisation, at each number of ``steps``.

    Gradient descent tends to the direction of the hard-margin machine; Adam to another, as its steps have about equal
    length in every coordinate.

    Source: Soudry et al. 2018 (arXiv:1710.10345), Theorem 3; Adam as in Kingma and Ba 2015, beta 0.9 and 0.999,
    epsilon 1e-8. Once gradients are below that epsilon, Adam's steps become plain ones: limits are claimed before.

    Args:
        X: Points, ``[n, d]``, separable through the origin.
        y: Signs, ``[n]``: -1 or 1.
        steps: When to look, e.g. powers of ten.
        optimiser: ``"gd"`` or ``"adam"``.
        rate: Step size. By default, for gradient descent 1/L with L = sigma_max(X)^2 / (4 n) (the theorem asks
            for less than 2/L), for Adam 0.001.
        start: Initial weights, ``[d]``; 0 by default.

    Raises:
        InputError: Examples that no plane through the origin separates; bad labels; NaN; no step; a rate out of range,
            or with which the weights do not stay finite.
    """
    signed = signed_points(X, y)
    target = hard_margin(X, y)
    wanted = whole_numbers(steps, "steps")
    if rate is not None:
        rate = real_number(rate, "rate", above=0)
    if optimiser not in OPTIMISERS:
        raise unknown("optimiser", optimiser, OPTIMISERS)
    if not 1 / _MOST <= power_of_two(signed) <= _MOST:
        raise InputError(
            f"The largest number of X is near {power_of_two(signed):.2g}: float64 does not hold its square.",
            expected=f"from {1 / _MOST:g} to {_MOST:g}",
            next_step="rescale X",
        )
    smoothness = float(np.linalg.norm(signed, 2)) ** 2 / (4 * len(signed))
    if optimiser == "gd":
        update: Step = _gradient_descent(1 / smoothness if rate is None else rate)
    else:
        update = _adam(0.001 if rate is None else rate, signed.shape[1])
    weights = np.zeros(signed.shape[1]) if start is None else finite_array(start, "start")
    if weights.shape != signed.shape[1:]:
        raise InputError(f"A start of shape {weights.shape}.", expected=f"{signed.shape[1]} finite numbers")
    direction, pulls = target.weights * target.margin, -signed.T / len(signed)
    result: list[DirectionPoint] = []
    with np.errstate(over="ignore", invalid="ignore"):  # the norm of the weights shows it
        for step in range(1, wanted[-1] + 1):
            weights = update(weights, pulls @ expit(-(signed @ weights)), step)
            if step == wanted[len(result)]:
                result.append(_point(step, weights, signed, direction, target.margin))
    return result


def _point(step: int, weights: Floats, signed: Floats, direction: Floats, margin: float) -> DirectionPoint:
    norm = float(np.linalg.norm(weights))
    if not 0 < norm < np.inf:
        raise InputError(
            f"The weights after {step} steps have norm {norm}, so no direction.",
            expected="weights that stay finite",
            next_step="take a smaller rate, or another start",
        )
    unit = weights / norm
    distance = float(np.linalg.norm(unit - direction))
    return DirectionPoint(
        step=step,
        loss=float(np.logaddexp(0, -(signed @ weights)).mean()),
        norm=norm,
        distance=distance,
        angle_loss=distance**2 / 2,
        margin_gap=margin - float((signed @ unit).min()),
    )


def _gradient_descent(rate: float) -> Step:
    return lambda weights, gradient, _: weights - rate * gradient


def _adam(rate: float, size: int) -> Step:
    mean, square = np.zeros(size), np.zeros(size)

    def update(weights: Floats, gradient: Floats, step: int) -> Floats:
        nonlocal mean, square
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        root = np.sqrt(square / (1 - 0.999**step))
        return weights - rate * (mean / (1 - 0.9**step)) / (root + 1e-8)

    return update
