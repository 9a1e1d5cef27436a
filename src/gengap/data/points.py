"""Images and tables as rows of numbers, for methods that know no image: interpolators, linear models, trees."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gengap.data.preprocessing import preprocess
from gengap.data.problem import Problem
from gengap.errors import InputError

_DIGITS = "; if they differ beyond the seven digits that float32 holds, centre and scale that column first"


@dataclass(frozen=True)
class Points:
    """Training and test examples as points of a vector space.

    Attributes:
        x, x_test: Points, ``[n, d]`` and ``[m, d]``.
        y, y_test: Class indices, ``[n]`` and ``[m]``.
        n_classes: Number of classes C.
    """

    x: NDArray[Any]
    y: NDArray[np.int64]
    x_test: NDArray[Any]
    y_test: NDArray[np.int64]
    n_classes: int

    @property
    def targets(self) -> NDArray[np.float64]:
        """Training labels as indicator vectors, ``[n, C]``."""
        return np.eye(self.n_classes)[self.y]

    @property
    def targets_test(self) -> NDArray[np.float64]:
        """Test labels as indicator vectors, ``[m, C]``."""
        return np.eye(self.n_classes)[self.y_test]


def as_points(problem: Problem, dtype: DTypeLike = np.float32) -> Points:
    """Both splits of a Problem as a network would see them, each example flattened to a row.

    Args:
        problem: The data; its ``preprocessing`` (crop and scale) is applied.
        dtype: Of the points; values are computed in float32 first, as for a network.
    """
    problem.require_numbers("A point of a vector space")
    x, x_test = (
        preprocess(np.asarray(split.x), problem.preprocessing).reshape(len(split), -1).astype(dtype, copy=False)
        for split in (problem.train, problem.test)
    )
    return Points(x, problem.train.y, x_test, problem.test.y, problem.n_classes)


def distinct(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.int64]:
    """Indices of the first of each set of equal points, ascending.

    Args:
        x: Points, ``[n, d]``.
        y: Labels, ``[n]`` or ``[n, C]``.

    Raises:
        InputError: Equal points with different labels, or several points that are all equal.

    >>> distinct(np.array([[0.0], [1.0], [0.0]]), np.array([5, 6, 5])).tolist()
    [0, 1]
    """
    rows = np.ascontiguousarray(x)
    also = _DIGITS if rows.dtype == np.float32 else ""
    first: dict[bytes, int] = {}
    kept = ~_may_be_repeated(rows)
    for j in np.flatnonzero(~kept).tolist():  # a negative zero becomes zero
        i = first.setdefault(blake2b((rows[j] + 0).data, digest_size=16).digest(), j)
        kept[i] = True
        if i != j and not np.array_equal(y[i], y[j]):
            raise InputError(
                f"Points {i} and {j} are equal and have different labels: {y[i]} and {y[j]}.",
                expected="one label for each distinct point: no function has two values at one point",
                next_step=f"remove one of the two, or give both the same label{also}",
            )
    if kept.sum() == 1 < len(x):
        raise InputError(
            f"All {len(x)} points are equal: every feature is constant.",
            expected="at least two different points",
            next_step=f"check that the right columns were given{also}",
        )
    return np.flatnonzero(kept)


def _may_be_repeated(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows share a random projection with another one, as equal rows do: each is summed in the same order."""
    direction: NDArray[Any] = np.random.default_rng(0).standard_normal(rows.shape[1:])
    if rows.dtype == np.float32:
        direction = direction.astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        keys: NDArray[Any] = np.asarray(np.vecdot(rows, direction))
    _, place, count = np.unique(keys, return_inverse=True, return_counts=True)
    repeated: NDArray[np.bool_] = (count[place] > 1) | ~np.isfinite(keys)
    return repeated
