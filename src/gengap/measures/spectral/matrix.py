"""The spectral norm of a matrix, by way of its smaller Gram matrix, and how well it is known."""

from typing import NamedTuple

import torch
from torch import Tensor


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


def matrix_norm(matrix: Tensor) -> SpectralNorm:
    """The spectral norm of a matrix, computed directly in float64.

    Args:
        matrix: ``[rows, columns]``, finite.

    >>> matrix_norm(torch.tensor([[3.0, 0.0], [0.0, -4.0]])).value
    4.0
    """
    matrix = matrix.detach().double()
    scale = float(matrix.abs().max())  # taken out so that no square overflows or vanishes
    if scale == 0:
        return SpectralNorm(0.0)
    return SpectralNorm(scale * float(squared_singular_values(matrix / scale)[-1]) ** 0.5)


def squared_singular_values(matrix: Tensor) -> Tensor:
    """Squares of the singular values, rising, float64 ``[…, min(rows, columns)]``.

    They are the eigenvalues of the smaller Gram matrix, some ten times faster to find than the singular values of a
    layer of a network. The large ones have all digits; those below about 1e-16 of the largest are noise, set to at
    least 0.

    Args:
        matrix: ``[…, rows, columns]``, finite.
    """
    matrix = matrix.detach().double()
    rows, columns = matrix.shape[-2:]
    gram = matrix @ matrix.mT if rows <= columns else matrix.mT @ matrix
    squares: Tensor = torch.linalg.eigvalsh(gram)
    return squares.clamp_min(0)
