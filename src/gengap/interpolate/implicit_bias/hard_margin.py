"""The hard-margin direction: what gradient descent on separable data tends to."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linprog, nnls

from gengap.arguments import power_of_two
from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.interpolate.validation import points_and_values

_SEPARABLE = 1e-12  # distance, as a fraction of 1, below which the constraints have no common point
_GAP = 1e-6  # largest gap, and violation, of a machine that is returned


@dataclass(frozen=True)
class HardMargin:
    """The shortest w with y_i <w, x_i> >= 1 for all examples, without an intercept.

    Attributes:
        weights: w, ``[d]``.
        margin: 1 / ||w||: distance of the nearest example from the plane, in units of x.
        multipliers: alpha >= 0 of the examples, ``[n]``, with w = sum alpha_i y_i x_i; not 0 at support vectors only;
            NaN where float64 does not hold them.
        gap: ||w||^2 / 2 less the dual value sum alpha - ||w||^2 / 2, as a fraction of ||w||^2: 0 proves w right.
        violation: Largest 1 - y_i <w, x_i>; 0 up to rounding.
    """

    weights: Floats
    margin: float
    multipliers: Floats
    gap: float
    violation: float


def hard_margin(X: ArrayLike, y: ArrayLike) -> HardMargin:
    """The hard-margin support vector machine through the origin, with the proof of its optimality.

    A least-distance problem, solved exactly by non-negative least squares, in time for up to thousands of examples.

    Source: Lawson and Hanson 1974, "Solving least squares problems", chapter 23.

    Args:
        X: Points, ``[n, d]``; a constant column gives an intercept, which then counts in the norm.
        y: Signs, ``[n]``: -1 or 1.

    Raises:
        InputError: No plane through the origin separates the examples, or only one whose margin is too small beside
            them for float64; labels other than -1 and 1; NaN.

    >>> hard_margin([[2.0, 0.0], [0.0, 1.0]], [1, 1]).weights
    array([0.5, 1. ])
    """
    signed = signed_points(X, y)
    scale = power_of_two(signed)
    result = _hard_margin(signed / scale)
    with np.errstate(over="ignore", under="ignore"):
        multipliers = result.multipliers / scale / scale
        if not np.isfinite(multipliers).all() or multipliers.max() < np.finfo(np.float64).tiny:
            multipliers = np.full_like(multipliers, np.nan)
    return replace(result, weights=result.weights / scale, margin=result.margin * scale, multipliers=multipliers)


def _hard_margin(signed: Floats) -> HardMargin:
    """The machine of points of length near 1."""
    longest = float(np.linalg.norm(signed, axis=1).max())
    result = _solved(signed, longest)
    if result is not None and _optimal(result):
        return result
    # The margin is far below the longest point, or there is none.
    reached = 1 / float(np.linalg.norm(_separating(signed)))
    result = _solved(signed, reached)
    if result is not None and not _optimal(result):
        result = _polished(signed, result)
    if result is None or not _optimal(result):
        raise InputError(
            f"The classes are separable, with a margin of at least {reached:.2g}, but float64 does not resolve "
            f"the largest one beside points of length {longest:.2g}.",
            expected="points whose columns are of similar size",
            next_step="divide each column by its standard deviation",
        )
    return result


def _optimal(result: HardMargin) -> bool:
    return result.gap <= _GAP and result.violation <= _GAP


def _solved(signed: Floats, size: float) -> HardMargin | None:
    """The machine by non-negative least squares, where 1 / ||w|| is not far below ``size``; else None."""
    if size == 0:
        return None
    lengths = np.hypot(np.linalg.norm(signed, axis=1), size)
    columns = np.vstack([signed.T, np.full(len(signed), size)]) / lengths
    goal = np.zeros(len(columns))
    goal[-1] = 1
    try:
        u, distance = nnls(columns, goal)
    except RuntimeError:  # too many steps
        return None
    if distance**2 < _SEPARABLE:
        return None
    multipliers = u / lengths / distance**2 / size
    return _machine(signed, signed.T @ multipliers, multipliers)


def _polished(signed: Floats, result: HardMargin) -> HardMargin:
    """The machine with the same support vectors, each exactly on the margin: it loses half as many digits."""
    support = result.multipliers > 0
    weights: Floats = np.linalg.lstsq(signed[support], np.ones(support.sum()), rcond=None)[0].astype(np.float64)
    multipliers = np.zeros(len(signed))
    multipliers[support] = np.linalg.lstsq(signed[support].T, weights, rcond=None)[0]
    return _machine(signed, weights, multipliers) if (multipliers >= 0).all() else result


def _machine(signed: Floats, weights: Floats, multipliers: Floats) -> HardMargin:
    squared = float(weights @ weights)
    return HardMargin(
        weights=weights,
        margin=1 / math.sqrt(squared),
        multipliers=multipliers,
        gap=abs(squared - float(multipliers.sum())) / squared,
        violation=max(0.0, float((1 - signed @ weights).max())),
    )


def _separating(signed: Floats) -> Floats:
    """Some w with y_i <w, x_i> >= 1 for all examples, from a linear program on rows and columns of similar size.

    Raises:
        InputError: There is none, as far as the program and float64 resolve.
    """
    sizes = np.abs(signed).max(axis=0)
    sizes[sizes == 0] = 1
    scaled = signed / sizes
    lengths = np.linalg.norm(scaled, axis=1)
    if lengths.all():
        rows = np.c_[-scaled / lengths[:, None], np.ones(len(signed))]
        cost = np.r_[np.zeros(signed.shape[1]), -1.0]  # the largest t with t <= <w, row> for all rows
        made = linprog(cost, rows, np.zeros(len(rows)), bounds=[(-1, 1)] * len(cost))
        if made.x is not None:
            weights = made.x[:-1] / sizes
            margins, terms = signed @ weights, np.abs(signed) @ np.abs(weights)
            if (margins > 2 * signed.shape[1] * np.finfo(np.float64).eps * terms).all():
                return np.asarray(weights / margins.min())
    raise InputError(
        "No plane through the origin separates the two classes, as far as a linear program in float64 resolves.",
        expected="linearly separable examples",
        next_step="add a constant column for an intercept, or more features",
    )


def signed_points(X: ArrayLike, y: ArrayLike) -> Floats:
    """y_i x_i, checked.

    Raises:
        InputError: Labels other than -1 and 1; NaN; shapes that do not match.
    """
    points, labels = points_and_values(X, y)
    if labels.ndim != 1:
        raise InputError(f"y has shape {labels.shape}.", expected="[n]: one sign for each point")
    if not np.isin(labels, (-1, 1)).all():
        raise InputError(f"Labels {np.unique(labels)[:5]}.", expected="-1 and 1")
    return np.asarray(points * labels[:, None])
