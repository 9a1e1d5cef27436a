"""The triangular system behind Theorem 1 of Zhang et al. 2017, solved in time and memory O(n)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_banded

from gengap.arguments import finite_array
from gengap.arrays import Floats
from gengap.errors import InputError

# How far right of a point the next knot lies, in parts of the smaller of the gaps on its two sides. Below one half
# the function between two points stays within a constant times the largest jump of y: here 4/3 of it.
KNOT_FRACTION = 1 / 8


class LemmaMatrix(NamedTuple):
    """The matrix of Lemma 1 and its smallest eigenvalue.

    Attributes:
        matrix: ``A[i, j] = max(x_i - b_j, 0)``, lower triangular, ``[n, n]``.
        smallest_eigenvalue: ``min_i (x_i - b_i)``, positive.
    """

    matrix: Floats
    smallest_eigenvalue: float


def lemma_matrix(x: ArrayLike, b: ArrayLike) -> LemmaMatrix:
    """The matrix whose solution w of A w = y makes sum_j w_j max(x - b_j, 0) interpolate, with its least eigenvalue.

    A triangular matrix has its diagonal for eigenvalues, so they are x_i - b_i > 0 and A is invertible. For teaching
    and tests: ``ReLUInterpolator`` solves the same system without ever building A.

    Source: Zhang et al. 2017 (arXiv:1611.03530), Lemma 1.

    Args:
        x: Points on a line, ``[n]``.
        b: Knots, ``[n]``, with b_1 < x_1 < b_2 < x_2 < ... < b_n < x_n.

    Raises:
        InputError: Points and knots do not alternate, are not finite, or are not two vectors of one length; or a
            difference of theirs is beyond float64.

    >>> lemma_matrix([0.0, 1.0], [-1.0, 0.5])
    LemmaMatrix(matrix=array([[1. , 0. ],
           [2. , 0.5]]), smallest_eigenvalue=0.5)
    """
    points, knots = finite_array(x, "x", ndim=1), finite_array(b, "b", ndim=1)
    if points.shape != knots.shape:
        raise InputError(
            f"x has shape {points.shape} and b {knots.shape}.", expected="two vectors of one length, at least 1"
        )
    alternating = np.column_stack([knots, points]).ravel()
    if not np.all(alternating[1:] > alternating[:-1]):
        raise InputError("Points and knots do not alternate.", expected="b_1 < x_1 < b_2 < x_2 < ... < b_n < x_n")
    with np.errstate(over="ignore"):
        matrix = np.maximum(points[:, None] - knots, 0)
    if not np.isfinite(matrix).all():
        raise InputError("A difference between a point and a knot is beyond float64.", next_step="rescale both")
    return LemmaMatrix(matrix, float(np.diagonal(matrix).min()))


@dataclass(frozen=True)
class Segments:
    """c(t) = sum_j w_j max(t - b_j, 0), as its linear pieces: on [b_j, b_(j+1)] it is y_j + s_j (t - t_j).

    In exact arithmetic s_j = w_1 + ... + w_j. Pieces do not cancel: steep weights of both
    signs, summed in floating point, lose what two neighbouring points differ by.

    Attributes:
        knots: b, ascending, ``[n]``.
        points: t, ascending, with b_j < t_j < b_(j+1), ``[n]``.
        values: y, ``[n, K]`` for K outputs.
        slopes: s, ``[n, K]``.
    """

    knots: Floats
    points: Floats
    values: Floats
    slopes: Floats

    @property
    def weights(self) -> Floats:
        """The network's output weights w_j = s_j - s_(j-1), ``[n, K]``."""
        return np.diff(self.slopes, axis=0, prepend=0.0)

    def __call__(self, t: Floats) -> Floats:
        """c(t) for t ``[m]``: ``[m, K]``. Left of the first knot it is zero; the last piece goes on for ever."""
        piece = np.searchsorted(self.knots, t, side="right") - 1
        inside = self.values[piece] + self.slopes[piece] * (t - self.points[piece])[:, None]
        return np.where(piece[:, None] < 0, 0.0, inside)


def interpolating_segments(t: Floats, y: Floats) -> Segments:
    r"""The function of Theorem 1 through the points (t_i, y_i), in time and memory O(n).

    The first knot lies one range of t left of the first point (1 for a single point), each further one just right of
    the previous point. Since c is linear on [b_j, b_(j+1)] and passes through (t_j, y_j), the triangular
    system A w = y is, in the slopes :math:`s_j = w_1 + \dots + w_j`, one with two diagonals:
    :math:`(t_{j+1} - b_{j+1}) s_{j+1} + (b_{j+1} - t_j) s_j = y_{j+1} - y_j`.

    Source: Zhang et al. 2017 (arXiv:1611.03530), Theorem 1 and Lemma 1; the choice of knots is ours.

    Args:
        t: Points on a line, strictly ascending, ``[n]``.
        y: Values, ``[n, K]``.

    Raises:
        InputError: Two points are so close that no float64 lies between them where the knot should be, or a slope, a
            weight or the range of the points is beyond float64.
    """
    with np.errstate(over="ignore"):
        gaps = np.diff(t)
        first = gaps.sum() if len(gaps) else 1.0
        widest = 2 * first + np.abs(t).max()
    if not np.isfinite(widest):
        raise InputError("The range of the projected points is beyond float64.", next_step="rescale the features")
    rise = np.concatenate([[first], gaps])  # the length on which the function rises to each point
    knots = np.concatenate([t[:1] - first, t[:-1] + KNOT_FRACTION * np.minimum(rise[:-1], gaps)])
    if not (np.all(knots < t) and np.all(knots[1:] > t[:-1])):
        resolved = np.spacing(np.abs(t)).max()
        raise InputError(
            f"Two points are only {gaps.min(initial=first):.3g} apart, where float64 resolves {resolved:.3g}.",
            expected="points that differ by more than rounding",
            next_step="take one of the two away, or centre and rescale the features",
        )
    diagonals = np.zeros((2, len(t)))
    diagonals[0] = t - knots
    diagonals[1, :-1] = knots[1:] - t[:-1]
    with np.errstate(over="ignore", invalid="ignore"):
        slopes = solve_banded((1, 0), diagonals, np.diff(y, axis=0, prepend=0.0), check_finite=False)
        jumps = np.diff(slopes, axis=0, prepend=0.0)
    if not (np.isfinite(slopes).all() and np.isfinite(jumps).all()):
        raise InputError("A slope is beyond what float64 holds.", next_step="rescale y or the features")
    return Segments(knots, t, y, slopes)
