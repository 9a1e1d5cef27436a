"""Which of its many interpolating solutions SGD finds: the nearest to where it starts, for linear and kernel models."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, check_X_y

from gengap import seeds
from gengap.arrays import Floats
from gengap.errors import InputError

Curvature = Callable[[Floats, Floats], Floats]
"""Second derivative of a loss with respect to the prediction, from predictions and labels, elementwise."""
_ROUNDING = 1e-6  # of the largest entry: what a kernel matrix in float32 may be off by


@dataclass(frozen=True)
class Descent:
    """Where SGD went.

    Attributes:
        weights: The last iterate, shaped as the start; for a kernel the coefficients alpha.
        epochs: Passes over the examples.
        residual: Largest |prediction - y| at the end, in units of y.
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
    """What of ``weights`` no point of X sees: w - X^+ X w.

    Raises:
        InputError: NaN, shapes that do not match.
    """
    try:
        points = check_array(X, dtype=np.float64)
        w = check_array(weights, dtype=np.float64, ensure_2d=False)
    except ValueError as error:
        raise InputError(str(error)) from error
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
        rate: Step size for the loss (x w - y)^2 / 2; 1 / max ||x||^2 by default, stable below twice that.
        epochs: At most so many.
        tolerance: Largest residual that counts as converged, as a fraction of max |y|.
        seed: Of the orders.

    Raises:
        InputError: NaN, shapes that do not match, a rate that is not positive, epochs below 1.
    """
    points, values, weights = _checked(X, y, start)
    largest = float((points**2).sum(axis=1).max())
    step = _step(rate, largest, epochs)
    weights = weights.copy()

    def one_epoch(order: NDArray[np.int64]) -> Floats:
        for i in order:
            off = points[i] @ weights - values[i]
            weights[...] -= step * np.multiply.outer(points[i], off)
        return np.asarray(points @ weights - values)

    return _run(one_epoch, weights, values, epochs, tolerance, seed)


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
        rate: Step size; 1 / max K_ii by default, stable below twice that.
        epochs: At most so many.
        tolerance: As for ``sgd``. A kernel matrix of large condition number may need more epochs than there are.
        seed: Of the orders.

    Raises:
        InputError: NaN, shapes that do not match, a matrix that is not symmetric and positive semidefinite, a rate that
            is not positive, epochs below 1.
    """
    kernel, values, _ = _checked(K, y, None)
    _check_kernel(kernel)
    begin = np.zeros_like(values) if start is None else np.asarray(start, dtype=np.float64)
    if begin.shape != values.shape:
        raise InputError(f"A start of shape {begin.shape} for values {values.shape}.", expected="equal shapes")
    step = _step(rate, float(kernel.diagonal().max()), epochs)
    alpha, goal = np.zeros_like(values), values - begin

    def one_epoch(order: NDArray[np.int64]) -> Floats:
        for i in order:
            alpha[i] -= step * (kernel[i] @ alpha - goal[i])
        return np.asarray(kernel @ alpha - goal)

    return _run(one_epoch, alpha, values, epochs, tolerance, seed)


def loss_hessian(X: ArrayLike, y: ArrayLike, weights: ArrayLike, curvature: Curvature) -> Floats:
    r"""Hessian of the mean loss of a linear model in its weights: :math:`X^\top \mathrm{diag}(\ell'') X / n`.

    It depends on the weights only through the predictions X w. So it is the same at every interpolating solution,
    and no sharpness tells one of them from another.

    Source: Zhang et al. 2017 (arXiv:1611.03530), section 5.

    Args:
        X: Points, ``[n, d]``.
        y: Values, ``[n]``.
        weights: w, ``[d]``.
        curvature: Second derivative of the loss, e.g. ``lambda f, y: np.ones_like(f)`` for (f - y)^2 / 2.

    Raises:
        InputError: NaN, shapes that do not match.
    """
    points, values, w = _checked(X, y, weights)
    return np.asarray(points.T @ (curvature(points @ w, values)[:, None] * points) / len(points))


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
    limit = tolerance * float(np.abs(values).max())
    with np.errstate(over="ignore", invalid="ignore"):  # too large a rate diverges; the residual tells
        for epoch in range(1, epochs + 1):
            residual = float(np.abs(one_epoch(seeds.generator(seed, "order", epoch).permutation(len(values)))).max())
            if residual <= limit or not np.isfinite(residual):
                break
    return Descent(weights, epoch, residual, residual <= limit)


def _check_kernel(kernel: Floats) -> None:
    if kernel.shape[0] != kernel.shape[1]:
        raise InputError(f"A kernel matrix of shape {kernel.shape}.", expected="[n, n]")
    largest = float(np.abs(kernel).max())
    if np.abs(kernel - kernel.T).max() > _ROUNDING * largest:
        raise InputError("The kernel matrix is not symmetric.", expected="k(x_i, x_j) of all pairs of points")
    if (least := float(np.linalg.eigvalsh(kernel)[0])) < -_ROUNDING * len(kernel) * largest:
        raise InputError(
            f"The kernel matrix has an eigenvalue of {least:.3g}.", expected="a positive semidefinite matrix"
        )


def _step(rate: float | None, largest: float, epochs: int) -> float:
    if epochs < 1 or (rate is not None and not 0 < rate < np.inf):
        raise InputError(f"rate = {rate}, epochs = {epochs}.", expected="a rate above 0 and at least one epoch")
    if rate is None and largest == 0:
        raise InputError("All points are 0.", expected="points that are not all 0")
    return 1 / largest if rate is None else rate


def _checked(X: ArrayLike, y: ArrayLike, start: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    try:
        points, values = check_X_y(X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        shape = (points.shape[1], *values.shape[1:])
        weights = np.zeros(shape) if start is None else check_array(start, dtype=np.float64, ensure_2d=False)
    except ValueError as error:
        raise InputError(str(error)) from error
    if weights.shape != shape:
        raise InputError(f"Weights of shape {weights.shape}.", expected=f"{shape}, as X and y have it")
    return points, values.astype(np.float64), weights
