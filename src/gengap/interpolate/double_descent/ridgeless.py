"""Minimum-norm least squares on a growing number of random features: one double-descent curve, its work shared."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import qr_multiply, solve_triangular, svd
from scipy.linalg.blas import dgemm, dsymm, dsyrk
from scipy.linalg.lapack import dpotrf, dtpqrt, dtrcon
from sklearn.base import clone

from gengap.arguments import power_of_two, shown, whole_numbers
from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.interpolate.double_descent.random_features import RandomFourierFeatures
from gengap.interpolate.double_descent.ridgeless_point import LARGEST_ROUNDING, RidgelessPoint
from gengap.interpolate.validation import points_and_values

_EPS = float(np.finfo(float).eps)
_TINY = float(np.finfo(float).tiny)
# Singular values below 4 n eps of the largest are rounding of 0 if none of the others is below a thousand times that.
_ZERO, _GAP = 4, 1000
# Up to it the factor of Z Z^T, whose condition is the square, costs no more than half of the digits.
SQUARED_CONDITION = 1e4
_BLOCK = 512  # features that enter the factor at a time


class _Solution(NamedTuple):
    """Coefficients' norm and predictions at one N, of features and values divided by their powers of two."""

    norm: float
    train: Floats
    test: Floats
    condition: float
    rounding: float
    solver: str
    rank: int
    squared_weights: float | None  # of training values in test predictions, over all of these


@dataclass(frozen=True)
class _Data:
    """Features to stream, training and test points ``[n, d]``, values ``[n, K]``, and powers of two to divide by.

    Features and values are divided by ``feature_scale`` and ``value_scale``, so that no square over- or underflows;
    ``y`` and ``y_test`` are divided already. ``weights``: whether the weights of test predictions are wanted.
    """

    features: RandomFourierFeatures
    x: Floats
    y: Floats
    x_test: Floats
    y_test: Floats
    feature_scale: float
    value_scale: float
    weights: bool

    def columns(self, start: int, stop: int) -> tuple[Floats, Floats]:
        """Some columns of the features of training and test points."""
        train, test = (self.features.columns(x, start, stop) for x in (self.x, self.x_test))
        for part in (train, test):
            part /= self.feature_scale
        return train, test


def ridgeless_path(
    features: RandomFourierFeatures,
    X: ArrayLike,
    y: ArrayLike,
    X_test: ArrayLike,
    y_test: ArrayLike,
    counts: Sequence[int],
    report: Callable[[RidgelessPoint], None] = lambda point: None,
    *,
    test_parameters: bool = False,
) -> list[RidgelessPoint]:
    """Least squares of minimum norm on the first N random features, for every N of a grid.

    The grid shares one stream of features. For all N <= n there is one QR factorisation of the n x max N matrix Z: its
    leading parts factor the first N columns. For N > n the products of features between training points, and between
    those and test points, grow by each block of new columns, and Z Z^T = R^T R is factored at each N; where Z's
    condition, which Z Z^T squares, is above 1e4, as it is next to N = n, R grows by QR updates of Z^T instead. In all
    it takes time O((n + m) n max N + G n^3) for m test points and G counts, and memory O((n + m) n), of any N.

    Source: the setting of Belkin et al. 2019 (arXiv:1812.11118), RFF; the updated factor is LAPACK's ``tpqrt``.

    Args:
        features: The map, of whatever kernel; its n_features is set to the largest count.
        X: Training points ``[n, d]``.
        y: Their values, ``[n]`` or ``[n, K]`` (one-hot for classes).
        X_test: Test points, ``[m, d]``.
        y_test: Their values.
        counts: The values of N, whole numbers of at least 1, in any order.
        report: Called with each point as it is done, in ascending order.
        test_parameters: Whether to give each point its effective number of parameters on the test points, in time
            O(m min(n, N)^2) a count.

    Returns:
        One point for each distinct count, ascending.

    Raises:
        InputError: No counts, counts that are no whole numbers of at least 1, NaN, shapes that do not match; points so
            far away that float64 does not resolve a feature; more than fits in memory.
    """
    grid = whole_numbers(counts, "counts")
    if not isinstance(features, RandomFourierFeatures):
        raise InputError(f"features = {shown(features)}.", expected="RandomFourierFeatures")
    x, values = _matrices(X, y)
    x_test, test_values = _matrices(X_test, y_test)
    if x.shape[1] != x_test.shape[1] or values.shape[1] != test_values.shape[1]:
        raise InputError(
            f"Training points have {x.shape[1]} features and {values.shape[1]} outputs, test points "
            f"{x_test.shape[1]} and {test_values.shape[1]}.",
            expected="the same numbers",
        )
    _check_room(bytes_needed(len(x), len(x_test), grid), len(x))
    fitted = clone(features).set_params(n_features=grid[-1]).fit(x)
    scale = power_of_two(values)
    first = fitted.columns(x, 0, min(_BLOCK, grid[-1]))
    data = _Data(fitted, x, values / scale, x_test, test_values / scale, power_of_two(first), scale, test_parameters)
    threshold = bisect_right(grid, len(x))
    solutions = chain(_few_features(data, grid[:threshold]), _many_features(data, grid[threshold:]))
    points = []
    for N, solution in zip(grid, solutions, strict=True):
        points.append(_point(data, N, solution))
        report(points[-1])
    return points


def bytes_needed(n: int, m: int, counts: Sequence[int]) -> int:
    """Memory of ``ridgeless_path`` at its peak, besides the points, for n training and m test points."""
    few = max((count for count in counts if count <= n), default=0)
    many = 4 * n * n + m * n + 2 * _BLOCK * (n + m) if max(counts) > n else 0
    return 8 * max(3 * few * (n + m), many)


def _check_room(needed: int, n: int) -> None:
    import torch

    from gengap.interpolate.memory import available_bytes

    available = available_bytes(torch.device("cpu"))
    if needed > available:
        raise InputError(
            f"Random features of {n:,} examples need {needed:,} bytes, and {available:,} are available.",
            expected="a problem that fits in memory",
            next_step="take fewer examples, or the kernel machine that the features approach, with solver 'pcg'",
        )


def _few_features(data: _Data, counts: list[int]) -> Iterator[_Solution]:
    """N <= n: the coefficients are R_N^-1 (Q^T y)_N, or the shortest where R_N is singular."""
    if not counts:
        return
    Z, Z_test = data.columns(0, counts[-1])
    rotated, R = (np.asarray(part, dtype=np.float64) for part in qr_multiply(Z, data.y.T, mode="right"))  # y^T Q, R
    for N in counts:
        condition, solver, rank = _condition(R[:N, :N]), "qr", N
        with np.errstate(all="ignore"):
            coefficients = _solve(R[:N, :N], rotated[:, :N].T)
            rounding = _least_squares_rounding(Z[:, :N] @ coefficients, data.y, condition)
        if not rounding <= LARGEST_ROUNDING and (split := _rank_revealed(R[:N, :N])):
            U, values, V = split
            condition, solver, rank = float(values[0] / values[-1]), "svd", len(values)
            coefficients = V.T @ ((U.T @ rotated[:, :N].T) / values[:, None])
            rounding = _least_squares_rounding(Z[:, :N] @ coefficients, data.y, condition)
        with np.errstate(all="ignore"):
            train, test = Z[:, :N] @ coefficients, Z_test[:, :N] @ coefficients
        weights = None
        if data.weights:  # those of Q^T y, which have the norm of those of y
            weights = (Z_test[:, :N] @ V.T) / values if solver == "svd" else _solve(R[:N, :N], Z_test[:, :N].T, True)
        norm = float(np.linalg.norm(coefficients))
        yield _Solution(norm, train, test, condition, rounding, solver, rank, _squares(weights))


def _least_squares_rounding(fitted: Floats, y: Floats, condition: float) -> float:
    """Eps (condition + condition^2 tan t) for the angle t between the values and what is fitted."""
    missed, length = float(np.linalg.norm(fitted - y)), float(np.linalg.norm(fitted))
    tangent = missed / length if missed else 0.0
    return _EPS * (condition + condition * condition * tangent)


def _rank_revealed(R: Floats) -> tuple[Floats, Floats, Floats] | None:
    """The singular vectors and values of R that are not rounding of 0; None where it cannot be said which are."""
    U, values, V = svd(R, check_finite=False)
    cut = _ZERO * len(R) * _EPS * values[0]
    rank = int((values > cut).sum())
    if rank in (0, len(R)) or values[rank - 1] < _GAP * cut:
        return None
    return U[:, :rank], values[:rank], V[:rank]


def _many_features(data: _Data, counts: list[int]) -> Iterator[_Solution]:
    """N > n: with Z Z^T = R^T R the dual solution is R^-1 R^-T y, and the norm of the coefficients is ||R^-T y||."""
    if not counts:
        return
    n, m = len(data.x), len(data.x_test)
    gram = np.zeros((n, n), order="F")  # lower triangle of Z Z^T
    crossed = np.zeros((m, n), order="F")  # products of the features of test and training points
    exact = _StreamedFactor(data)
    done = 0
    for N in counts:
        for start in range(done, N, _BLOCK):
            stop = min(start + _BLOCK, N)
            Z, Z_test = (part.T for part in data.columns(start, stop))
            gram = dsyrk(1.0, Z, trans=True, lower=True, beta=1.0, c=gram, overwrite_c=True)
            crossed = dgemm(1.0, Z_test, Z, trans_a=True, beta=1.0, c=crossed, overwrite_c=True)
        done = N
        yield _dual_solution(data, N, gram, crossed, exact)


def _dual_solution(data: _Data, N: int, gram: Floats, crossed: Floats, exact: "_StreamedFactor") -> _Solution:
    R, condition = _squared_factor(gram)
    solver, rank = "cholesky" if condition <= SQUARED_CONDITION else "qr", len(gram)
    if solver == "qr":
        R = exact.of(N)
        condition = _condition(R)
    with np.errstate(all="ignore"):
        whitened = _solve(R, data.y, transposed=True)
        dual = _solve(R, whitened)
    if not _EPS * condition * condition <= LARGEST_ROUNDING and (split := _rank_revealed(R)):
        _, values, V = split
        condition, solver, rank = float(values[0] / values[-1]), "svd", len(values)
        whitened = (V @ data.y) / values[:, None]
        dual = V.T @ (whitened / values[:, None])
    with np.errstate(all="ignore"):
        train, test = dsymm(1.0, gram, dual, lower=True), crossed @ dual
        rounding = float(_EPS * condition * condition)
    weights = None
    if data.weights:
        weights = crossed @ V.T / values**2 if solver == "svd" else _solve(R, _solve(R, crossed.T, transposed=True))
    norm = float(np.linalg.norm(whitened))
    return _Solution(norm, train, test, condition, rounding, solver, rank, _squares(weights))


def _squares(weights: Floats | None) -> float | None:
    return None if weights is None else float(np.einsum("ij,ij->", weights, weights))


def _squared_factor(gram: Floats) -> tuple[Floats, float]:
    """R by Cholesky's factor of Z Z^T, and its condition; infinite where rounding makes the matrix indefinite."""
    factor, failed = dpotrf(gram, lower=True, clean=True)
    return factor.T, float("inf") if failed else _condition(factor.T)


class _StreamedFactor:
    """R of the first N columns by QR updates, which never square their condition; N may only grow."""

    def __init__(self, data: _Data):
        self._data, self._done = data, 0
        self._R = np.zeros((len(data.x), len(data.x)), order="F")

    def of(self, N: int) -> Floats:
        """R^T R = Z Z^T of N columns."""
        n = len(self._R)
        for start in range(self._done, N, _BLOCK):
            Z, _ = self._data.columns(start, min(start + _BLOCK, N))
            self._R = dtpqrt(0, min(n, 64), self._R, np.asfortranarray(Z.T), overwrite_a=True, overwrite_b=True)[0]
        self._done = N
        return self._R


def _solve(R: Floats, y: Floats, transposed: bool = False) -> Floats:
    """R^-1 y, or R^-T y; infinite where R is singular."""
    if not np.all(np.diagonal(R)):
        return np.full_like(y, np.inf)
    return np.asarray(solve_triangular(R, y, trans="T" if transposed else "N", check_finite=False))


def _condition(R: Floats) -> float:
    reciprocal, _ = dtrcon(np.asfortranarray(R))
    return 1 / reciprocal if reciprocal > 0 else float("inf")


def _point(data: _Data, N: int, solution: _Solution) -> RidgelessPoint:
    norm = solution.norm * data.value_scale / data.feature_scale
    return RidgelessPoint(
        n_features=N,
        train_loss=_squared(solution.train, data.y, data.value_scale),
        test_loss=_squared(solution.test, data.y_test, data.value_scale),
        train_error=_wrong(solution.train, data.y),
        test_error=_wrong(solution.test, data.y_test),
        norm=norm / data.features.scale(N),
        unscaled_norm=norm,
        residual=float(np.abs(solution.train - data.y).max()) * data.value_scale,
        condition=solution.condition,
        rounding=solution.rounding,
        reliable=bool(solution.rounding <= LARGEST_ROUNDING and np.isfinite(norm)),
        solver=solution.solver,
        rank=solution.rank,
        test_parameters=_test_parameters(data, solution),
    )


def _test_parameters(data: _Data, solution: _Solution) -> float | None:
    """Squared weights of all m test predictions, times n / m."""
    squares = solution.squared_weights
    return None if squares is None else squares * len(data.x) / len(data.x_test)


def _squared(predicted: Floats, y: Floats, scale: float) -> float:
    """Mean squared error of values that were divided by a scale; NaN where float64 does not hold it."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = float(((predicted - y) ** 2).sum(axis=1).mean())
        loss = scaled * scale * scale
    return loss if scaled == 0 or _TINY <= loss < np.inf else float("nan")


def _wrong(predicted: Floats, y: Floats) -> float | None:
    return float(np.mean(predicted.argmax(axis=1) != y.argmax(axis=1))) if y.shape[1] > 1 else None


def _matrices(X: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Points ``[n, d]`` and values ``[n, K]``."""
    x, values = points_and_values(X, y)
    return x, values.reshape(len(x), -1)
