"""A direction along which all points of a data set are well separated."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.arrays import Floats
from gengap.errors import InputError

_CHUNK_VALUES = 1 << 18  # so many input values are converted to float64 at a time: they stay in the cache


def projections(x: NDArray[Any], directions: Floats) -> Floats:
    """<a, x_i> for points ``[n, d]`` and directions ``[k, d]``: ``[n, k]``, float64, whatever the type of x.

    Each row is summed by itself in one order, so a point has the same projection to the last bit alone, in
    any batch and in any order. (A matrix product does not promise that.)
    """
    rows = max(1, _CHUNK_VALUES // x.shape[1])
    result = np.empty((len(x), len(directions)))
    for start in range(0, len(x), rows):
        chunk = np.ascontiguousarray(x[start : start + rows], dtype=np.float64)
        for k, direction in enumerate(directions):
            result[start : start + rows, k] = np.vecdot(chunk, direction)
    return result


@dataclass(frozen=True)
class Line:
    """Distinct points, sorted along one direction.

    Attributes:
        direction: a, of length 1, ``[d]``.
        index: Indices into the data, one for each distinct point, in order along the line, ``[m]``.
        points: <a, x> of these, strictly ascending, ``[m]``.
    """

    direction: Floats
    index: NDArray[np.int64]
    points: Floats

    @property
    def min_gap(self) -> float:
        """Smallest distance between neighbours; infinite for a single point."""
        return float(np.diff(self.points).min(initial=np.inf))


def separating_line(x: NDArray[Any], y: Floats, directions: Floats) -> Line:
    """The one of the directions along which the nearest two distinct points are farthest apart.

    Points that agree along every direction are compared feature by feature: where they are equal, and their labels
    too, only the first of them counts.

    Args:
        x: Points, ``[n, d]``.
        y: Labels, ``[n, K]``.
        directions: Candidates, ``[k, d]``, each of length 1.

    Raises:
        InputError: Equal points with different labels; several points that are all equal; points that differ but
            have equal projections on every direction.
    """
    along = projections(x, directions)
    distinct = _distinct(x, y, along)
    if len(distinct) == 1 < len(x):
        raise InputError(
            f"All {len(x)} points are equal: every feature is constant.",
            expected="at least two different points",
            next_step="check that the right columns were given",
        )
    lines = []
    for k, direction in enumerate(directions):
        order = np.argsort(along[distinct, k], kind="stable")
        lines.append(Line(direction, distinct[order], along[distinct[order], k]))
    best = max(lines, key=lambda line: line.min_gap)
    if best.min_gap == 0:
        i, j = _nearest(best)
        raise _not_separated(i, j, len(directions))
    return best


def _distinct(x: NDArray[Any], y: Floats, along: Floats) -> NDArray[np.int64]:
    """Indices of the first of each set of equal points."""
    order = np.lexsort(along.T[::-1])  # stable, so that the first of equal points comes first
    same = np.all(along[order[1:]] == along[order[:-1]], axis=1)
    for i, j in zip(order[:-1][same].tolist(), order[1:][same].tolist(), strict=True):
        if not np.array_equal(x[i], x[j]):
            raise _not_separated(i, j, along.shape[1])
        if not np.array_equal(y[i], y[j]):
            raise InputError(
                f"Points {i} and {j} are equal and have different labels: {_listed(y[i])} and {_listed(y[j])}.",
                expected="one label for each distinct point: no function has two values at one point",
                next_step="remove one of the two, or give both the same label",
            )
    return np.asarray(order[np.concatenate([[True], ~same])], dtype=np.int64)


def _nearest(line: Line) -> tuple[int, int]:
    left = int(np.argmin(np.diff(line.points)))
    return int(line.index[left]), int(line.index[left + 1])


def _not_separated(i: int, j: int, k: int) -> InputError:
    return InputError(
        f"Points {i} and {j} differ, but have equal float64 projections on each of {k} random directions.",
        expected="points that differ by more than rounding",
        next_step="raise n_directions, centre and rescale the features, or remove one of the two",
    )


def _listed(label: Floats) -> str:
    return ", ".join(f"{value:g}" for value in label[:4]) + (", ..." if len(label) > 4 else "")
