"""Kernels of inner products and norms, at bandwidth 1."""

import math

import torch
from torch import Tensor


def linear(a: Tensor, b: Tensor) -> Tensor:
    """<a, b>."""
    return a @ b.T


def polynomial(a: Tensor, b: Tensor, degree: int, offset: float) -> Tensor:
    """(<a, b> + offset)^degree."""
    return (a @ b.T).add_(offset).pow_(degree)


def arc_cosine(a: Tensor, b: Tensor) -> Tensor:
    """||a|| ||b|| (sin t + (pi - t) cos t) / pi for the angle t between a and b: Cho and Saul 2009, order 1."""
    norms = torch.outer(a.norm(dim=1), b.norm(dim=1))
    cosine = (a @ b.T).div_(norms.clamp(min=torch.finfo(a.dtype).tiny)).clamp_(-1, 1)
    angle = cosine.arccos()
    return angle.sin().add_(cosine.mul_(math.pi - angle)).mul_(norms).div_(math.pi)
