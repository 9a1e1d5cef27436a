"""Which interpolating solution SGD converges to: the nearest to its start, for linear and kernel models."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap import seeds
from gengap.arguments import finite_array, kernel_matrix, power_of_two, real_number, whole_number
from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.interpolate.validation import points_and_values

Curvature = Callable[[Floats, Floats], Floats]
"""Second derivative of a loss with respect to the prediction, from predictions and labels, elementwise."""
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Descent:
    """The result of SGD.

    Attributes:
        weights: The last iterate, shaped as the start; for a kernel the coefficients alpha.
        epochs: Passes over the examples.
        residual: Largest |prediction - y| at the end, in units of y; infinite where training diverged.
        converged: Whether the residual is within the tolerance; otherwise the weights are not the limit yet.
    """

    weights: Floats
    epochs: int
    residual: float
    converged: bool


def nearest_interpolator(X: ArrayLike, y: ArrayLike, start: ArrayLike | None = None) -> Floats:
    r"""The solution of X w = y nearest to ``start``: :math:`w_0 + X^+ (y - X w_0)`.

    From 0 it is the one of least norm, X^T (X X^T)^-1 y. The part of w_0 in the null space of X stays. Where X w = y
    has no solution, it is the nearest of the least-squares solutions.

    Source: Zhang et al. 2017 (arXiv:1611.03530), section 5.

    Args:
        X: Points, ``[n, d]``.
        y: Values, ``[n]`` or ``[n, K]``.
        start: w_0, ``[d]`` or ``[d, K]``; 0 by default.

    Raises:
        InputError: NaN, shapes that do not match.
    """
    points, values, weights = _checked(X, y, start)
    return np.asarray(weights + np.linalg.lstsq(points, values - points @ weights, rcond=None)[0])


def null_space_part(X: ArrayLike, weights: ArrayLike) -> Floats:
    """The part of ``weights`` that changes no prediction on X: w - X^+ X w.

    Args:
        X: Points, ``[n, d]``.
        weights: w, ``[d]`` or ``[d, K]``.

    Raises:
        InputError: NaN, shapes that do not match.
    """
    points, w = finite_array(X, "X", ndim=2), finite_array(weights, "weights", ndim=(1, 2))
    if len(w) != points.shape[1]:
        raise InputError(f"Weights of shape {w.shape} for points of shape {points.shape}.", expected="[d] or [d, K]")
    return np.asarray(w - np.linalg.lstsq(points, points @ w, rcond=None)[0])


def sgd(
    X: ArrayLike,
    y: ArrayLike,
    start: ArrayLike | None = None,
    *,
    rate: float | None = None,
    epochs: int = 1000,
    tolerance: float = 1e-8,
    seed: int = 0,
) -> Descent:
    """SGD on squared loss, one example a step, in an order drawn anew for each epoch.

    Every step adds a multiple of a point, so that w - w_0 stays in the span of the points; where they can be
    interpolated, the limit is ``nearest_interpolator``, reached at a constant rate without decay.

    Args:
        X: Points, ``[n, d]``.
        y: Values, ``[n]`` or ``[n, K]``.
        start: w_0; 0 by default.
        rate: Step size for the loss (x w - y)^2 / 2, above 0; 1 / max ||x||^2 by default, stable below twice that.
        epochs: At most so many, at least 1.
        tolerance: Largest residual that counts as converged, as a fraction of max |y|, at least 0.
        seed: Of the orders.

    Raises:
        InputError: NaN, shapes that do not match, a number out of range, points that are all 0, weights that float64
            does not hold.
    """
    points, values, weights = _checked(X, y, start)
    # Points and values divided by powers of two: no square over- or underflows, and the path is the same.
    x_scale, y_scale = power_of_two(points), power_of_two(np.concatenate([values.ravel(), _predicted(points, weights)]))
    points, values, weights = points / x_scale, values / y_scale, weights / y_scale * x_scale
    step = _step(rate, float((points**2).sum(axis=1).max()), (x_scale, x_scale), "X")

    def one_epoch(order: NDArray[np.int64]) -> Floats:
        for i in order:
            off = points[i] @ weights - values[i]
            weights[...] -= step * np.multiply.outer(points[i], off)
        return np.asarray(points @ weights - values)

    result = _run(one_epoch, weights, values, epochs, tolerance, seed)
    return replace(result, weights=_rescaled(result.weights, y_scale, x_scale), residual=result.residual * y_scale)


def kernel_sgd(
    K: ArrayLike,
    y: ArrayLike,
    start: ArrayLike | None = None,
    *,
    rate: float | None = None,
    epochs: int = 1000,
    tolerance: float = 1e-8,
    seed: int = 0,
) -> Descent:
    r"""SGD on squared loss in the function space of a kernel, one example a step.

    The function is f_0 + sum_i alpha_i k(x_i, .); a step adds a multiple of k(x_i, .). The limit is alpha =
    K^-1 (y - f_0(X)): from f_0 = 0 the interpolating function of least norm.

    Args:
        K: Kernel matrix of the points, ``[n, n]``.
        y: Values, ``[n]`` or ``[n, C]``.
        start: f_0 at the points, shaped as y; 0 by default.
        rate: Step size, above 0; 1 / max K_ii by default, stable below twice that.
        epochs: At most so many, at least 1.
        tolerance: As for ``sgd``. A kernel matrix of large condition number may need more epochs than there are.
        seed: Of the orders.

    Raises:
        InputError: NaN, shapes that do not match, a matrix that is not symmetric and positive semidefinite, a number
            out of range, a kernel that is 0 at all points, coefficients that float64 does not hold.
    """
    kernel, values, _ = _checked(kernel_matrix(K), y, None)
    begin = np.zeros_like(values) if start is None else finite_array(start, "start")
    if begin.shape != values.shape:
        raise InputError(f"A start of shape {begin.shape} for values {values.shape}.", expected="equal shapes")
    goal = values - begin
    K_scale, y_scale = power_of_two(kernel), power_of_two(goal)
    kernel, goal = kernel / K_scale, goal / y_scale
    step = _step(rate, float(kernel.diagonal().max()), (K_scale,), "K")
    alpha, limit = np.zeros_like(values), values / y_scale

    def one_epoch(order: NDArray[np.int64]) -> Floats:
        for i in order:
            alpha[i] -= step * (kernel[i] @ alpha - goal[i])
        return np.asarray(kernel @ alpha - goal)

    result = _run(one_epoch, alpha, limit, epochs, tolerance, seed)
    return replace(result, weights=_rescaled(result.weights, y_scale, K_scale), residual=result.residual * y_scale)


def loss_hessian(X: ArrayLike, y: ArrayLike, weights: ArrayLike, curvature: Curvature) -> Floats:
    r"""Hessian of the mean loss of a linear model in its weights: :math:`X^\top \mathrm{diag}(\ell'') X / n`.

    It depends on the weights only through the predictions X w. So it is the same at every interpolating solution,
    and no sharpness distinguishes one of them from another.

    Source: Zhang et al. 2017 (arXiv:1611.03530), section 5.

    Args:
        X: Points, ``[n, d]``.
        y: Values, ``[n]``.
        weights: w, ``[d]``.
        curvature: Second derivative of the loss, e.g. ``lambda f, y: np.ones_like(f)`` for (f - y)^2 / 2.

    Raises:
        InputError: NaN, shapes that do not match, a curvature of another shape; a Hessian that float64 does not hold.
    """
    points, values, w = _checked(X, y, weights)
    if values.ndim != 1:
        raise InputError(f"y has shape {values.shape}.", expected="[n]: one output")
    second = finite_array(curvature(points @ w, values), "curvature")
    if second.shape != values.shape:
        raise InputError(f"The curvature has shape {second.shape}.", expected=f"{values.shape}, one for each example")
    scale = power_of_two(points)
    hessian = (points / scale).T @ (second[:, None] * (points / scale)) / len(points)
    with np.errstate(over="ignore", under="ignore"):
        return _within_float64(hessian, hessian * scale * scale, "Hessian")


def _run(
    one_epoch: Callable[[NDArray[np.int64]], Floats],
    weights: Floats,
    values: Floats,
    epochs: int,
    tolerance: float,
    seed: int,
) -> Descent:
    """Epochs until the residual is within the tolerance, or is no number."""
    residual, epoch = np.inf, 0
    limit = real_number(tolerance, "tolerance", least=0) * float(np.abs(values).max())
    with np.errstate(over="ignore", invalid="ignore"):  # too large a rate diverges, as the residual says
        for epoch in range(1, whole_number(epochs, "epochs") + 1):
            residual = float(np.abs(one_epoch(seeds.generator(seed, "order", epoch).permutation(len(values)))).max())
            if residual <= limit or not np.isfinite(residual):
                break
    residual = residual if np.isfinite(residual) else np.inf
    return Descent(weights, epoch, residual, residual <= limit)


def _step(rate: float | None, largest: float, scales: tuple[float, ...], name: str) -> float:
    """The step for points whose squares were divided by ``scales``, and reach ``largest`` since."""
    if largest == 0:
        raise InputError(f"{name} is 0 at all points.", expected="points of which one is not 0")
    if rate is None:
        return 1 / largest
    step = real_number(rate, "rate", above=0)
    for scale in scales:
        step *= scale
    if not 0 < step < np.inf:
        raise InputError(f"rate = {rate} is beyond float64 in the units of {name}.", next_step=f"rescale {name}")
    return step


def _predicted(points: Floats, weights: Floats) -> Floats:
    """Predictions as a vector, 0 where they overflow: only their size matters."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.ravel(points @ weights)
    return np.where(np.isfinite(values), values, 0.0)


def _rescaled(weights: Floats, times: float, over: float) -> Floats:
    """Weights of scaled values and points, in the units of the given ones."""
    if not np.isfinite(weights).all():
        return weights
    with np.errstate(over="ignore", under="ignore"):
        exponent = int(np.log2(times)) - int(np.log2(over))
        return _within_float64(weights, np.ldexp(weights, exponent), "solution")


def _within_float64(scaled: Floats, values: Floats, name: str) -> Floats:
    """The values, unless they over- or underflowed.

    Raises:
        InputError: They did.
    """
    largest = float(np.abs(values).max())
    if not np.isfinite(largest) or (largest < _TINY and scaled.any()):
        raise InputError(f"The {name} is beyond what float64 holds.", next_step="rescale X or y")
    return values


def _checked(X: ArrayLike, y: ArrayLike, start: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    points, values = points_and_values(X, y)
    shape = (points.shape[1], *values.shape[1:])
    weights = np.zeros(shape) if start is None else finite_array(start, "start")
    if weights.shape != shape:
        raise InputError(f"Weights of shape {weights.shape}.", expected=f"{shape}, as X and y have it")
    return points, values, weights
