"""Kernels of the distance ||a - b||_2, at bandwidth 1: one matrix product for each tile, the rest in place."""

import torch
from torch import Tensor

# Squared distances below this part of ||a||^2 + ||b||^2 lose digits in the product and are computed again from
# differences: always where their root is taken, else where ||a||^2 + ||b||^2 reaches a number whose rounding shows.
_NEAR = 1e-3
_LARGE = 100.0
_NEAR_VALUES = 1 << 20  # so many differences of features at a time
_MANY = 0.05  # above this part of a tile, all its distances are computed again


def gaussian(a: Tensor, b: Tensor) -> Tensor:
    """exp(-||a - b||^2 / 2)."""
    return _minus_half_squares(a, b, _LARGE).exp_()


def laplacian(a: Tensor, b: Tensor) -> Tensor:
    """exp(-||a - b||)."""
    return _minus_half_squares(a, b, 0.0).mul_(-2).sqrt_().neg_().exp_()


def cauchy(a: Tensor, b: Tensor) -> Tensor:
    """1 / (1 + ||a - b||^2)."""
    return _minus_half_squares(a, b, _LARGE).mul_(-2).add_(1).reciprocal_()


def _minus_half_squares(a: Tensor, b: Tensor, large: float) -> Tensor:
    """-||a_i - b_j||^2 / 2, at most 0, with an error of rounding in ``large`` or in 1,000 times its own size.

    The product alone errs by rounding in ||a_i||^2 + ||b_j||^2.
    """
    of_a, of_b = a.square().sum(1, keepdim=True), b.square().sum(1)
    found = torch.addmm(of_b, a, b.T, beta=-0.5).sub_(of_a, alpha=0.5).clamp_(max=0)
    if float(of_a.max() + of_b.max()) <= large:
        return found
    near = found >= (of_a + of_b).mul_(-0.5 * _NEAR)
    if int(near.sum()) > _MANY * near.numel():
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square_().mul_(-0.5)
    for i, j in (pairs.T for pairs in torch.split(near.nonzero(), max(1, _NEAR_VALUES // a.shape[1]))):
        found[i, j] = (a[i] - b[j]).square_().sum(1).mul_(-0.5)
    return found
