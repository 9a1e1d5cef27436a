"""Which labellings of a small set half-spaces produce: exact, by signs of determinants in whole numbers."""

import itertools
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.arguments import finite_array, whole_number
from gengap.arrays import Floats
from gengap.errors import InputError

MOST_POINTS = 16

Rows = list[list[int]]
Minors = dict[tuple[int, ...], int]


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

    A labelling y is produced by a half-space with no point on its edge where y_i (<w, x_i> + b) > 0 has a solution. By
    Gordan's theorem there is none exactly where some of the vectors y_i (x_i, 1) have a combination with positive
    coefficients that is 0, and then those of one circuit do: a minimal linearly dependent set. The coefficients of a
    circuit are determinants, which are computed in whole numbers (float64 numbers are whole multiples of a power of
    two), so that the answer is exact for the numbers given, however near the points lie to a hyperplane or to each
    other. It takes less than a second for 16 points in the plane, and some seconds in eight dimensions.

    Args:
        points: ``[n, D]``, 1 <= n <= 16.
        offset: False takes only half-spaces whose edge goes through the origin (b = 0).

    Raises:
        InputError: More points than that, or no finite numbers.

    >>> shattering([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]).separable  # all but XOR and its opposite
    14
    >>> shattering([[0.0], [1e-300], [1.0]]).separable
    6
    """
    x = finite_array(points, "points", ndim=2)
    if len(x) > MOST_POINTS:
        raise InputError(
            f"{len(x)} points have {2 ** len(x):,} labellings.",
            expected=f"at most {MOST_POINTS} points",
            next_step="check a part of them: a set is shattered only if all its parts are",
        )
    if offset:
        x = np.column_stack([x, np.ones(len(x))])
    n = len(x)
    missed = _missed(n, _circuits(_independent_columns(_whole(x))))
    separable = 2**n - 2 * int(missed.sum())
    witness = tuple(_half_of_all(n)[int(missed.argmax())]) if missed.any() else None
    return Shattering(not missed.any(), separable, 2**n, witness)


def cover_count(n: int, dimension: int) -> int:
    """The labellings that half-spaces through the origin produce of n points in general position in R^D.

    2 sum over k < D of (n - 1 choose k); half-spaces with an offset produce as many as those through the origin in
    D + 1 dimensions. Points in special position have fewer.

    Source: Cover 1965, Theorem 1.

    Args:
        n: Points, at least 1.
        dimension: D, at least 1.

    Raises:
        InputError: An argument is no such whole number.

    >>> cover_count(4, 3), cover_count(3, 3)
    (14, 8)
    """
    n, dimension = whole_number(n, "n"), whole_number(dimension, "dimension")
    return 2 * sum(math.comb(n - 1, k) for k in range(min(n, dimension)))


def _half_of_all(n: int) -> list[tuple[int, ...]]:
    """One of each two opposite labellings, which are separable together."""
    return [(1, *rest) for rest in itertools.product((1, -1), repeat=n - 1)]


def _whole(x: Floats) -> Rows:
    """The same points with each column multiplied by the power of two that makes its entries whole numbers."""
    columns = []
    for column in x.T.tolist():
        exact = [Fraction(value) for value in column]
        common = max(value.denominator for value in exact)  # all are powers of two
        columns.append([int(value * common) for value in exact])
    return [list(row) for row in zip(*columns, strict=True)]


def _independent_columns(rows: Rows) -> Rows:
    """A maximal set of linearly independent columns, which have the same dependencies among rows as all of them.

    By Bareiss' elimination, whose divisions leave no remainder.
    """
    left = [list(row) for row in rows]
    chosen: list[int] = []
    previous = 1
    for column in range(len(rows[0])):
        at = len(chosen)
        pivot = next((i for i in range(at, len(left)) if left[i][column]), None)
        if pivot is None:
            continue
        left[at], left[pivot] = left[pivot], left[at]
        for row in left[at + 1 :]:
            head = row[column]
            for j in range(column, len(row)):
                row[j] = (left[at][column] * row[j] - head * left[at][j]) // previous
        previous = left[at][column]
        chosen.append(column)
        if len(chosen) == len(rows):
            break
    return [[row[column] for column in chosen] for row in rows]


def _minors(rows: Rows) -> Minors:
    """Determinants of all sets of as many rows as there are columns, by expansion along one column after the other."""
    result: Minors = {(): 1}
    for column in range(len(rows[0])):
        larger: Minors = {}
        for chosen in itertools.combinations(range(len(rows)), column + 1):
            larger[chosen] = sum(
                (-1) ** (place + column) * rows[i][column] * result[chosen[:place] + chosen[place + 1 :]]
                for place, i in enumerate(chosen)
            )
        result = larger
    return result


def _circuits(rows: Rows) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Minimal linearly dependent sets of rows, each with the signs of the coefficients of its dependency.

    Every circuit is the only dependency of some r + 1 rows of rank r, and its coefficients are, up to alternating
    signs, their determinants without one row (Cramer's rule).
    """
    minors, rank = _minors(rows), len(rows[0])
    result = set()
    for chosen in itertools.combinations(range(len(rows)), rank + 1):
        signs = [(-1) ** place * _sign(minors[chosen[:place] + chosen[place + 1 :]]) for place in range(len(chosen))]
        support = tuple(i for i, sign in zip(chosen, signs, strict=True) if sign)
        if support:
            first = next(sign for sign in signs if sign)
            result.add((support, tuple(first * sign for sign in signs if sign)))
    return sorted(result)


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def _missed(n: int, circuits: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> NDArray[np.bool_]:
    """Which of ``_half_of_all`` no half-space produces: those that agree in sign with a circuit, or with its opposite.

    A bit is set where a label is -1, that of the first point being the highest, as the labellings are ordered.
    """
    codes = np.arange(2 ** (n - 1))
    missed = np.zeros(len(codes), dtype=np.bool_)
    for support, signs in circuits:
        bits = [1 << (n - 1 - i) for i in support]
        mask, pattern = sum(bits), sum(bit for bit, sign in zip(bits, signs, strict=True) if sign < 0)
        seen = codes & mask
        missed |= (seen == pattern) | (seen == mask - pattern)
    return missed
