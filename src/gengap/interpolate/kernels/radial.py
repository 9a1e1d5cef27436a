"""Kernels of the distance ||a - b||_2, at bandwidth 1: one matrix product for each tile, the rest in place."""

import torch
from torch import Tensor

# Squared distances below this part of ||a||^2 + ||b||^2 are computed again from differences where their root is taken.
_NEAR = 1e-3
_NEAR_VALUES = 1 << 24  # so many differences of features at a time


def gaussian(a: Tensor, b: Tensor) -> Tensor:
    """exp(-||a - b||^2 / 2)."""
    return _minus_half_squares(a, b).exp_()


def laplacian(a: Tensor, b: Tensor) -> Tensor:
    """exp(-||a - b||)."""
    return _distances(a, b).neg_().exp_()


def cauchy(a: Tensor, b: Tensor) -> Tensor:
    """1 / (1 + ||a - b||^2)."""
    return _minus_half_squares(a, b).mul_(-2).add_(1).reciprocal_()


def _minus_half_squares(a: Tensor, b: Tensor) -> Tensor:
    """-||a_i - b_j||^2 / 2, at most 0; its error is of the order of rounding in ||a_i||^2 + ||b_j||^2."""
    product = torch.addmm(b.square().sum(1), a, b.T, beta=-0.5)
    return product.sub_(a.square().sum(1, keepdim=True), alpha=0.5).clamp_(max=0)


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """||a_i - b_j||; those of near points from their differences, since a root makes much of a small error."""
    squares = _minus_half_squares(a, b).mul_(-2)
    scale = a.square().sum(1, keepdim=True) + b.square().sum(1)
    near = (squares <= _NEAR * scale).nonzero()
    for i, j in (pairs.T for pairs in torch.split(near, max(1, _NEAR_VALUES // a.shape[1]))):
        squares[i, j] = (a[i] - b[j]).square().sum(1)
    return squares.sqrt_()
