"""What a search's outcome is put into: the complexity terms of Jiang et al.'s PAC-Bayes and sharpness bounds."""

import math

import torch
from torch import Tensor

DELTA = 0.1  # confidence in equations 58 and 59


def noise_term(squared_norm: float, sigma: float, examples: int) -> float:
    """``squared_norm / (4 sigma^2) + ln(m / sigma) + 10`` (equations 48 and 49).

    >>> noise_term(4.0, 1.0, 1)
    11.0
    """
    return squared_norm / (4 * sigma**2) + math.log(examples / sigma) + 10


def sharpness_term(squared_norm: float, weights: int, alpha: float, sigma: float, examples: int) -> float:
    """``squared_norm ln(2 omega) / (4 alpha^2) + ln(m / sigma) + 10`` (equations 51 and 52), omega the ``weights``."""
    return squared_norm * math.log(2 * weights) / (4 * alpha**2) + math.log(examples / sigma) + 10


def magnitude_noise_term(squared_norm: float, moved: Tensor, sigma: float, eps: float, examples: int) -> float:
    """Equations 56 and 57, with omega weights and ``moved`` the vector w - w0.

    ``1/4 sum_i ln((eps^2 + (sigma^2 + 1) squared_norm / omega) / (eps^2 + sigma^2 moved_i^2)) + ln(m / sigma) + 10``.
    """
    return _magnitude_term(squared_norm, moved, sigma, 1.0, eps, examples)


def magnitude_sharpness_term(squared_norm: float, moved: Tensor, alpha: float, eps: float, examples: int) -> float:
    """Equations 58 and 59: ``magnitude_noise_term`` with alpha for sigma and 4 ln(2 omega / delta) for its 1."""
    return _magnitude_term(squared_norm, moved, alpha, 4 * math.log(2 * moved.numel() / DELTA), eps, examples)


def _magnitude_term(squared_norm: float, moved: Tensor, scale: float, extra: float, eps: float, examples: int) -> float:
    above = eps**2 + (scale**2 + extra) * squared_norm / moved.numel()
    below = torch.log(eps**2 + scale**2 * moved.double() ** 2).sum()
    return (moved.numel() * math.log(above) - float(below)) / 4 + math.log(examples / scale) + 10
