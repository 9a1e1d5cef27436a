"""Norms of a kernel machine's function: those of the interpolant, or why they cannot be told."""

import numpy as np

from gengap.arrays import Floats
from gengap.interpolate.ridgeless import LARGEST_ROUNDING


def norms(squares: Floats, uncertain: Floats, scale: Floats) -> tuple[Floats, float]:
    """The norm of each column, ``[C]``, and the root of the sum of their squares; NaN where it is too uncertain.

    Args:
        squares: Squared norms at labels divided by ``scale``, ``[C]``.
        uncertain: Bounds on how far those of the interpolant are from them, ``[C]``.
        scale: Powers of two, ``[C]``.
    """
    with np.errstate(invalid="ignore"):
        each = np.where(uncertain <= LARGEST_ROUNDING * squares, np.sqrt(squares), np.nan) * scale
    relative = scale / scale.max()
    together, of_it = (float((part * relative**2)[part > 0].sum()) for part in (squares, uncertain))
    known = not (squares < 0).any() and of_it <= LARGEST_ROUNDING * together
    return each, together**0.5 * float(scale.max()) if known else np.nan


def norm_reason(norm: float, residual: float, tol: float, condition: float) -> str | None:
    """Why a norm is NaN; None where it is not."""
    if not np.isnan(norm):
        return None
    if not residual <= tol:
        return f"the residual of K alpha = y is {residual:.2g}, above {tol:g}: this is no solution"
    return (
        f"the kernel matrix is so nearly singular (condition at least {condition:.2g}) that a function which misses "
        f"the labels by {residual:.1g} of them may have another norm than the interpolant"
    )
