"""Which labellings of a small set half-spaces produce: exact, by linear programming."""

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gengap.arrays import Floats
from gengap.errors import InputError

MOST_POINTS = 16
_INFEASIBLE = 2  # linprog's status


class Shattering(NamedTuple):
    """The labellings of n points that half-spaces produce.

    Attributes:
        shattered: Whether they produce all.
        separable: How many of the 2^n they produce.
        labellings: 2^n.
        witness: One that they do not, as +-1 for each point; None where they produce all.
    """

    shattered: bool
    separable: int
    labellings: int
    witness: tuple[int, ...] | None


def shattering(points: ArrayLike, *, offset: bool = True) -> Shattering:
    """Whether half-spaces shatter the points, and how many of their labellings they produce.

    A labelling y is produced by a half-space with no point on its edge exactly where y_i (<w, x_i> + b) >= 1 has a
    solution; one linear program (SciPy's HiGHS) decides that. Opposite labellings stand or fall together, so there are
    2^(n-1) programs: a second or two for ten points, a minute or two for sixteen. Points are centred (where there is an
    offset) and scaled first, which changes no answer.

    Args:
        points: Shape (n, D), 1 <= n <= 16.
        offset: False takes only half-spaces whose edge goes through the origin (b = 0).

    Raises:
        InputError: More points than that, told with the number of programs they would take; or no finite numbers.

    >>> shattering([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]).separable  # all but XOR and its opposite
    14
    """
    x = _scaled(points, offset)
    n = len(x)
    missed = [labels for labels in _half_of_all(n) if not _separable(x, np.array(labels), offset)]
    separable = 2**n - 2 * len(missed)
    return Shattering(not missed, separable, 2**n, missed[0] if missed else None)


def cover_count(n: int, dimension: int) -> int:
    """The labellings that half-spaces through the origin produce of n points in general position in R^D.

    2 sum over k < D of (n - 1 choose k); half-spaces with an offset produce as many as those through the origin in
    D + 1 dimensions. Points in special position have fewer.

    Source: Cover 1965, Theorem 1.

    >>> cover_count(4, 3), cover_count(3, 3)
    (14, 8)
    """
    if n < 1 or dimension < 1:
        raise InputError(f"n = {n}, dimension = {dimension}.", expected="at least one point and one dimension")
    return 2 * sum(math.comb(n - 1, k) for k in range(dimension))


def _half_of_all(n: int) -> list[tuple[int, ...]]:
    """One of each two opposite labellings."""
    return [(1, *rest) for rest in itertools.product((1, -1), repeat=n - 1)]


def _scaled(points: ArrayLike, offset: bool) -> Floats:
    x = np.asarray(points, dtype=np.float64)
    if x.ndim != 2 or x.size == 0 or not np.isfinite(x).all():
        raise InputError(f"Points of shape {x.shape}.", expected="finite numbers [n, D], at least one point")
    if len(x) > MOST_POINTS:
        raise InputError(
            f"{len(x)} points would take {2 ** (len(x) - 1):,} linear programs.",
            expected=f"at most {MOST_POINTS} points",
            next_step="check a part of them: a set is shattered only if all its parts are",
        )
    if offset:
        x = x - x.mean(axis=0)
    largest = np.abs(x).max(axis=0)
    return np.asarray(x / np.where(largest > 0, largest, 1.0))


def _separable(x: Floats, labels: Floats, offset: bool) -> bool:
    from scipy.optimize import linprog

    columns = np.column_stack([x, np.ones(len(x))]) if offset else x
    found = linprog(
        np.zeros(columns.shape[1]), A_ub=-labels[:, None] * columns, b_ub=-np.ones(len(x)), bounds=(None, None)
    )
    if found.status not in (0, _INFEASIBLE):
        raise InputError(
            f"The solver gave up on a labelling: {found.message}", next_step="scale the points to similar sizes"
        )
    return bool(found.status == 0)
