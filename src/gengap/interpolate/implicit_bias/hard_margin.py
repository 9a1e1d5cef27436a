"""The hard-margin direction: what gradient descent on separable data tends to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls
from sklearn.utils import check_X_y

from gengap.errors import InputError

Floats = NDArray[np.float64]
_SEPARABLE = 1e-12  # distance, as a fraction of 1, below which the constraints have no common point


@dataclass(frozen=True)
class HardMargin:
    """The shortest w with y_i <w, x_i> >= 1 for all examples, without an intercept.

    Attributes:
        weights: w, ``[d]``.
        margin: 1 / ||w||: distance of the nearest example from the plane, in units of x.
        multipliers: alpha >= 0 of the examples, ``[n]``, with w = sum alpha_i y_i x_i; not 0 at support vectors only.
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
        InputError: No plane through the origin separates the examples; labels other than -1 and 1; NaN.

    >>> hard_margin([[2.0, 0.0], [0.0, 1.0]], [1, 1]).weights
    array([0.5, 1. ])
    """
    signed = signed_points(X, y)
    scale = float(np.linalg.norm(signed, axis=1).max())
    goal = np.zeros(signed.shape[1] + 1)
    goal[-1] = 1
    u, distance = nnls(np.vstack([signed.T / (scale or 1), np.ones(len(signed))]), goal)
    if distance**2 < _SEPARABLE:
        raise InputError(
            "No plane through the origin separates the two classes.",
            expected="linearly separable examples",
            next_step="add a constant column for an intercept, or more features",
        )
    multipliers = u / distance**2 / scale**2
    weights = signed.T @ multipliers
    squared = float(weights @ weights)
    return HardMargin(
        weights=weights,
        margin=1 / np.sqrt(squared),
        multipliers=multipliers,
        gap=abs(squared - float(multipliers.sum())) / squared,
        violation=max(0.0, float((1 - signed @ weights).max())),
    )


def signed_points(X: ArrayLike, y: ArrayLike) -> Floats:
    """y_i x_i, checked.

    Raises:
        InputError: Labels other than -1 and 1; NaN; shapes that do not match.
    """
    try:
        points, labels = check_X_y(X, y, dtype=np.float64)
    except ValueError as error:
        raise InputError(str(error)) from error
    if not np.isin(labels, (-1, 1)).all():
        raise InputError(f"Labels {np.unique(labels)[:5]}.", expected="-1 and 1")
    return np.asarray(points * labels[:, None])
