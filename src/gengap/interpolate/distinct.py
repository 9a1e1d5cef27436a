"""Which points of a data set are distinct."""

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.errors import InputError

_DIGITS = "; if they differ beyond the seven digits that float32 holds, centre and scale that column first"


def distinct(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.int64]:
    """Indices of the first of each set of equal points, ascending.

    Args:
        x: Points, ``[n, d]``.
        y: Labels, ``[n]`` or ``[n, C]``.

    Raises:
        InputError: Equal points with different labels, or several points that are all equal.
    """
    rows = np.ascontiguousarray(x) + 0  # a negative zero becomes zero
    also = _DIGITS if rows.dtype == np.float32 else ""
    first: dict[bytes, int] = {}
    for j, row in enumerate(rows):
        i = first.setdefault(blake2b(row.data, digest_size=16).digest(), j)
        if i != j and not np.array_equal(y[i], y[j]):
            raise InputError(
                f"Points {i} and {j} are equal and have different labels: {y[i]} and {y[j]}.",
                expected="one label for one point: no function has two values there",
                next_step=f"take one of the two away, or give both the same label{also}",
            )
    if len(first) == 1 < len(x):
        raise InputError(
            f"All {len(x)} points are equal: every feature is constant.",
            expected="at least two different points",
            next_step=f"check that the right columns were given{also}",
        )
    return np.fromiter(first.values(), dtype=np.int64)
