"""Where a double-descent curve peaks, to the resolution of its grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gengap.arguments import finite_array
from gengap.arrays import Floats
from gengap.errors import InputError


@dataclass(frozen=True)
class Peak:
    """The peak of one or several curves over one grid.

    Attributes:
        at: Capacity of the grid where risk is highest; the median of several curves.
        low, high: The grid's neighbours of the peak, the outermost of several curves: a curve that rises to one
            maximum and falls has that between them.
    """

    at: float
    low: float
    high: float


def find_peak(capacities: Sequence[float], risks: ArrayLike) -> Peak | None:
    """The interior peak of a curve of risks, or of several; None where one has none.

    The peak is the point with the largest prominence: what it rises above the higher of the lowest points on its two
    sides. So the high risk of very small capacities is no peak, nor is a ripple on the way down.

    Args:
        capacities: The grid, ascending, at least 3 values.
        risks: ``[G]``, or ``[curves, G]``.

    Raises:
        InputError: The grid is not ascending, the shapes do not match, or a risk is NaN or infinite.

    >>> find_peak([1, 2, 4, 8, 16], [9.0, 3.0, 5.0, 2.0, 1.0])
    Peak(at=4.0, low=2.0, high=8.0)
    """
    grid, curves = finite_array(capacities, "capacities", ndim=1), finite_array(risks, "risks", ndim=(1, 2))
    if len(grid) < 3 or not np.all(np.diff(grid) > 0):
        raise InputError(f"capacities = {grid.tolist()}.", expected="at least three numbers, ascending")
    curves = np.atleast_2d(curves)
    if curves.shape[1] != len(grid):
        raise InputError(f"Risks of shape {curves.shape}.", expected=f"{len(grid)} numbers for each curve")
    summits = [_summit(curve) for curve in curves]
    places = [place for place in summits if place is not None]
    if len(places) < len(summits):
        return None
    return Peak(float(np.median(grid[places])), float(grid[min(places) - 1]), float(grid[max(places) + 1]))


def _summit(curve: Floats) -> int | None:
    """Index of the point with the largest prominence; None where none is above both sides."""
    left = np.minimum.accumulate(curve)[:-2]
    right = np.minimum.accumulate(curve[::-1])[::-1][2:]
    prominence = curve[1:-1] - np.maximum(left, right)
    best = int(prominence.argmax())
    return best + 1 if prominence[best] > 0 else None
