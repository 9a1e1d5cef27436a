"""What a computation of a spectral norm returns."""

from typing import NamedTuple


class SpectralNorm(NamedTuple):
    """The largest singular value s of a linear map A, and how well it is known.

    Attributes:
        value: s, at least 0.
        residual: ``||A^T A v - s^2 v|| / s^2`` in float64 at the unit vector v that was found: s^2 is within this share
            of an eigenvalue of A^T A. 0 where s was computed directly.
        converged: Whether the residual is small enough to rely on ``value``; otherwise ``value`` is a lower bound of s.
        stand_in: Whether it is the norm of a reshaped kernel, in place of an operator whose input size is not known.
    """

    value: float
    residual: float = 0.0
    converged: bool = True
    stand_in: bool = False
