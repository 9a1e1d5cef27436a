"""Array types that the whole package shares."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
AnyArray = NDArray[Any]


def euclidean_norm(values: AnyArray) -> float:
    """Root of the sum of all squares, without overflow or underflow on the way.

    >>> f"{euclidean_norm(np.array([3e200, 4e200])):.6g}"
    '5e+200'
    """
    largest = float(np.max(np.abs(values), initial=0.0))
    if not 0 < largest < np.inf:
        return largest
    return largest * float(np.sqrt(np.square(values / largest).sum()))
