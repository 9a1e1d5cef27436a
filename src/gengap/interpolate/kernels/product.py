"""Kernels whose spectral density is a product over features, at bandwidth 1: limits of random Fourier features."""

import torch
from torch import Tensor


def laplacian_product(a: Tensor, b: Tensor) -> Tensor:
    """exp(-||a - b||_1)."""
    return torch.cdist(a, b, p=1).neg_().exp_()


def cauchy_product(a: Tensor, b: Tensor) -> Tensor:
    """prod_d 1 / (1 + (a_d - b_d)^2)."""
    factor, whole = a.new_empty(len(a), len(b)), a.new_ones(len(a), len(b))
    for of_a, of_b in zip(a.T, b.T, strict=True):
        torch.sub(of_a[:, None], of_b, out=factor)
        whole.mul_(factor.square_().add_(1))
    return whole.reciprocal_()
