"""Kernels from inner products, in place, for a kernel matrix that is whole in the CPU's memory; at bandwidth 1.

One symmetric product makes all inner products, and what follows is elementwise: the functions of ``formulas``, which
work tile by tile on any device, in NumPy. Each takes a part of the matrix, the squared lengths of all points, the
points, and which rows and columns the part has.
"""

import math
from collections.abc import Callable

import numpy as np

from gengap.arrays import Floats

FromProducts = Callable[[Floats, Floats, Floats, slice, slice], None]

# As in ``formulas``: squared distances below this part of ||a||^2 + ||b||^2 lose digits and are computed again.
NEAR, LARGE = 1e-3, 100.0
_NEAR_VALUES = 1 << 20  # so many differences of features at a time


def linear(products: Floats, squares: Floats, points: Floats, rows: slice, columns: slice) -> None:
    """<a, b>."""


def polynomial(
    products: Floats, squares: Floats, points: Floats, rows: slice, columns: slice, degree: int, offset: float
) -> None:
    """(<a, b> + offset)^degree."""
    products += offset
    np.power(products, degree, out=products)


def arc_cosine(products: Floats, squares: Floats, points: Floats, rows: slice, columns: slice) -> None:
    """||a|| ||b|| (sin t + (pi - t) cos t) / pi for the angle t between a and b."""
    lengths = np.sqrt(squares)
    norms = np.multiply.outer(lengths[rows], lengths[columns])
    cosine = np.clip(products / np.maximum(norms, np.finfo(np.float64).tiny), -1, 1)
    angle = np.arccos(cosine)
    np.copyto(products, (np.sin(angle) + cosine * (math.pi - angle)) * norms / math.pi)


def gaussian(products: Floats, squares: Floats, points: Floats, rows: slice, columns: slice) -> None:
    """exp(-||a - b||^2 / 2)."""
    _minus_half_squares(products, squares, points, rows, columns, LARGE)
    np.exp(products, out=products)


def laplacian(products: Floats, squares: Floats, points: Floats, rows: slice, columns: slice) -> None:
    """exp(-||a - b||)."""
    _minus_half_squares(products, squares, points, rows, columns, 0.0)
    products *= -2
    np.sqrt(products, out=products)
    np.negative(products, out=products)
    np.exp(products, out=products)


def cauchy(products: Floats, squares: Floats, points: Floats, rows: slice, columns: slice) -> None:
    """1 / (1 + ||a - b||^2)."""
    _minus_half_squares(products, squares, points, rows, columns, LARGE)
    products *= -2
    products += 1
    np.reciprocal(products, out=products)


def _minus_half_squares(
    products: Floats, squares: Floats, points: Floats, rows: slice, columns: slice, large: float
) -> None:
    """-||a - b||^2 / 2, at most 0, in place of <a, b>; near pairs from differences where rounding would show."""
    of_rows, of_columns = squares[rows, None], squares[columns]
    products -= 0.5 * of_rows
    products -= 0.5 * of_columns
    np.minimum(products, 0, out=products)
    if float(of_rows.max() + of_columns.max()) <= large:
        return
    near = np.flatnonzero(products >= -0.5 * NEAR * (of_rows + of_columns))
    step = max(1, _NEAR_VALUES // points.shape[1])
    for start in range(0, len(near), step):
        i, j = np.divmod(near[start : start + step], products.shape[1])
        differences = points[rows][i] - points[columns][j]
        products[i, j] = -0.5 * np.vecdot(differences, differences)
