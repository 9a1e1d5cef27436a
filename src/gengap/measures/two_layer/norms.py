"""Norms of matrices under the names that papers on networks of one hidden layer use."""

from torch import Tensor

from gengap.measures.spectral import matrix_norm


def frobenius(matrix: Tensor) -> float:
    """``||M||_F``."""
    return float(matrix.norm())


def spectral(matrix: Tensor) -> float:
    """``||M||_2``, the largest singular value."""
    return matrix_norm(matrix).value


def largest_row_l1(matrix: Tensor) -> float:
    """``||M||_{inf,1}``: the largest l1 norm of a row.

    >>> import torch
    >>> largest_row_l1(torch.tensor([[1.0, -2.0], [0.0, 2.5]]))
    3.0
    """
    return float(matrix.abs().sum(1).max())


def sum_of_row_l2(matrix: Tensor) -> float:
    """``||M||_{1,2}``: the sum of the rows' l2 norms.

    >>> import torch
    >>> sum_of_row_l2(torch.tensor([[3.0, -4.0], [0.0, 2.0]]))
    7.0
    """
    return float(matrix.norm(dim=1).sum())
