"""Singular values of matrices by way of the smaller Gram matrix."""

import torch
from torch import Tensor

from gengap.measures.spectral.norm import SpectralNorm


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
