"""Linear measurements of a matrix, matrices of low rank to measure, and measures of rank and recovery."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import csr_array

from gengap import seeds
from gengap.arguments import finite_array, power_of_two, shown, whole_number
from gengap.arrays import Floats, euclidean_norm
from gengap.errors import InputError

Shape = tuple[int, int]
_DEPENDENT = 1e-7  # ratio of pivots at which the Gram matrix is singular in float64


@dataclass(frozen=True, eq=False)
class Measurements:
    """m linear functions <A_i, X> of matrices X of one shape.

    Attributes:
        shape: Of X, ``(p, q)``.
        rows: The A_i, each as a row: ``[m, p q]``, linearly independent; sparse rows are orthonormal.
        symmetric: Whether each A_i is symmetric; X is then meant to be.

    Raises:
        InputError: Rows of another length than p q, or not finite; with ``symmetric`` one that is not symmetric.
    """

    shape: Shape
    rows: Floats | csr_array
    symmetric: bool = False

    def __post_init__(self) -> None:
        p, q = _shape(self.shape)
        if self.rows.ndim != 2 or self.rows.shape[1] != p * q or not np.isfinite(_entries(self.rows)).all():
            raise InputError(f"Rows of shape {self.rows.shape}.", expected=f"finite numbers [m, {p * q}]")
        if self.symmetric and (p != q or not _are_symmetric(self.rows, p)):
            raise InputError("A measurement is not symmetric.", expected="symmetric ones, or symmetric=False")

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def __call__(self, X: Floats) -> Floats:
        """The measurements of X ``[p, q]``: ``[m]``."""
        return np.asarray(self.rows @ X.ravel())

    def adjoint(self, values: Floats) -> Floats:
        """Sum of values_i A_i, ``[p, q]``."""
        return np.asarray(self.rows.T @ values).reshape(self.shape)

    def combination(self, values: Floats) -> Floats:
        """The coefficients nu for which the measurements of ``adjoint(nu)`` are ``values``."""
        return values if self._factor is None else np.asarray(cho_solve(self._factor, values))

    def nearest(self, X: Floats, values: Floats) -> Floats:
        """The matrix nearest to X whose measurements are ``values``."""
        return X + self.adjoint(self.combination(values - self(X)))

    def scaled(self, values: Floats) -> tuple["Measurements", Floats, float]:
        """Measurements and values divided by powers of two, and the power that matrices have to be multiplied by.

        No square over- or underflows then, and X has these values exactly where X / power has the scaled ones.
        """
        rows, row_scale = self.rows, 1.0
        if not isinstance(rows, csr_array):  # sparse ones have length 1
            row_scale = power_of_two(rows)
            rows = rows / row_scale
        value_scale = power_of_two(values)
        return Measurements(self.shape, rows, self.symmetric), values / value_scale, value_scale / row_scale

    def checked(self, values: ArrayLike) -> Floats:
        """Values of the measurements, ``[m]``.

        Raises:
            InputError: Another number of them, NaN or infinity, or all of them 0.
        """
        y = finite_array(values, "y", ndim=1)
        if len(y) != len(self):
            raise InputError(f"y has shape {y.shape}.", expected=f"{len(self)} values, one for each measurement")
        if not y.any():
            raise InputError("y is 0: the matrix of least norm is 0.", expected="values, not all 0")
        return y

    def check_symmetric(self) -> None:
        """Raises an InputError where the measurements are not of symmetric matrices."""
        if not self.symmetric:
            raise InputError(
                "Measurements that are not symmetric, of a positive semidefinite matrix.",
                expected="symmetric measurements",
                next_step="make them with symmetric=True",
            )

    @cached_property
    def _factor(self) -> tuple[Floats, bool] | None:
        if isinstance(self.rows, csr_array):
            return None
        dependent = InputError("The measurements are linearly dependent.", expected="linearly independent rows")
        try:
            factor, lower = cho_factor(self.rows @ self.rows.T)
        except LinAlgError as error:
            raise dependent from error
        pivots = factor.diagonal()
        if pivots.min() < _DEPENDENT * pivots.max():
            raise dependent
        return factor, bool(lower)


def gaussian_measurements(shape: Shape, count: int, *, symmetric: bool = False, seed: int = 0) -> Measurements:
    """Independent normal entries of variance 1 / count, so that ||measurements of X|| is about ||X||_F.

    Args:
        shape: Of the matrices to be measured, ``(p, q)``.
        count: m, at least 1, at most p q, or p (p + 1) / 2 for symmetric matrices.
        symmetric: Takes the symmetric part of each.
        seed: Of the entries.

    Raises:
        InputError: A count out of range, or symmetric matrices that are not square.
    """
    shape, count = _counted(shape, count, symmetric)
    drawn = seeds.generator(seed, "measurements").standard_normal((count, *shape)) / np.sqrt(count)
    if symmetric:
        drawn = (drawn + drawn.transpose(0, 2, 1)) / 2
    return Measurements(shape, drawn.reshape(count, -1), symmetric)


def entry_measurements(shape: Shape, count: int, *, symmetric: bool = False, seed: int = 0) -> Measurements:
    """Distinct entries of the matrix, drawn at random; of a symmetric one, sqrt(2) times entries off the diagonal.

    Args:
        shape: Of the matrices to be measured, ``(p, q)``.
        count: m, at least 1, at most p q, or p (p + 1) / 2 for symmetric matrices.
        symmetric: Draws from the upper triangle and measures both halves at once.
        seed: Of the draw.

    Raises:
        InputError: A count out of range, or symmetric matrices that are not square.
    """
    shape, count = _counted(shape, count, symmetric)
    p, q = shape
    possible = np.flatnonzero(np.triu(np.ones(shape)) if symmetric else np.ones(shape))
    chosen = np.sort(seeds.generator(seed, "measurements").choice(possible, count, replace=False))
    i, j = chosen // q, chosen % q
    row, ones = np.arange(count), np.ones(count)
    rows = csr_array((ones, (row, chosen)), shape=(count, p * q))
    if symmetric:
        halved = np.where(i == j, 1 / 2, np.sqrt(1 / 2))
        both = (np.r_[halved, halved], (np.r_[row, row], np.r_[i * q + j, j * q + i]))
        rows = csr_array(both, shape=(count, p * q))
    return Measurements(shape, rows, symmetric)


def low_rank(shape: Shape, rank: int, *, psd: bool = False, seed: int = 0) -> Floats:
    """A random matrix U V^T of a rank, with normal factors, scaled to ||X||_F = 1.

    Args:
        shape: ``(p, q)``.
        rank: At least 1.
        psd: Takes V = U: symmetric and positive semidefinite.
        seed: Of the factors.

    Raises:
        InputError: A rank out of range, or a positive semidefinite matrix that is not square.
    """
    shape = _shape(shape)
    rank = whole_number(rank, "rank", most=min(shape))
    if psd and shape[0] != shape[1]:
        raise InputError(f"A positive semidefinite {shape[0]} x {shape[1]} matrix.", expected="a square shape")
    rng = seeds.generator(seed, "low rank")
    left = rng.standard_normal((shape[0], rank))
    right = left if psd else rng.standard_normal((shape[1], rank))
    product = left @ right.T
    return np.asarray(product / np.linalg.norm(product))


def effective_rank(X: Floats) -> float:
    """exp(entropy of the singular values as fractions of their sum): r for r equal ones, 0 for the zero matrix.

    Source: Roy and Vetterli 2007; Arora et al. 2019 (arXiv:1905.13655) use it for depth.

    Args:
        X: A matrix, ``[p, q]``.

    Raises:
        InputError: X is no matrix of finite numbers.

    >>> round(effective_rank(np.diag([2.0, 2.0, 0.0])), 12)
    2.0
    """
    values = _singular_values(X)[0]
    if not values.any():
        return 0.0
    shares = values / values.sum()
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def nuclear_norm(X: Floats) -> float:
    """Sum of the singular values.

    Args:
        X: A matrix, ``[p, q]``.

    Raises:
        InputError: X is no matrix of finite numbers.

    >>> nuclear_norm(np.diag([3.0, -4.0]))
    7.0
    """
    values, scale = _singular_values(X)
    return float(values.sum()) * scale


def _singular_values(X: Floats) -> tuple[Floats, float]:
    """Those of X over a power of two, and that power."""
    matrix = finite_array(X, "X", ndim=2)
    scale = power_of_two(matrix)
    return np.asarray(np.linalg.svd(matrix / scale, compute_uv=False), dtype=np.float64), scale


def recovery_error(X: Floats, truth: Floats) -> float:
    """||X - truth||_F / ||truth||_F.

    Args:
        X: A matrix, ``[p, q]``.
        truth: The matrix to be recovered, not 0.

    Raises:
        InputError: Shapes that do not match, what is not finite, a truth of 0.
    """
    result, wanted = finite_array(X, "X", ndim=2), finite_array(truth, "truth", ndim=2)
    if result.shape != wanted.shape or not wanted.any():
        raise InputError(f"X of shape {result.shape}, truth of {wanted.shape}.", expected="one shape, a truth not 0")
    scale = power_of_two(wanted)
    return euclidean_norm(result / scale - wanted / scale) / euclidean_norm(wanted / scale)


def _counted(shape: Shape, count: int, symmetric: bool) -> tuple[Shape, int]:
    p, q = _shape(shape)
    if symmetric and p != q:
        raise InputError(f"Symmetric {p} x {q} matrices.", expected="as many rows as columns")
    most = p * (p + 1) // 2 if symmetric else p * q
    return (p, q), whole_number(count, "count", most=most)


def _shape(shape: Shape) -> Shape:
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise InputError(f"shape = {shown(shape)}.", expected="(rows, columns)")
    return whole_number(shape[0], "rows"), whole_number(shape[1], "columns")


def _entries(rows: Floats | csr_array) -> Floats:
    return np.asarray(rows.data if isinstance(rows, csr_array) else rows)


def _are_symmetric(rows: Floats | csr_array, p: int) -> bool:
    if isinstance(rows, csr_array):
        flipped = rows[:, np.arange(p * p).reshape(p, p).T.ravel()]
        return bool(abs(rows - flipped).max() == 0)
    matrices = rows.reshape(-1, p, p)
    return bool(np.abs(matrices - matrices.transpose(0, 2, 1)).max() <= 1e-12 * np.abs(matrices).max())
