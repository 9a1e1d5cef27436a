"""Gradients of minibatches, summed up as a pass goes on: their mean and their variance."""

from collections.abc import Sequence

import torch
from torch import Tensor


class GradientSums:
    """The mean of minibatch gradients and their variance around it, kept as two sums in float64.

    Args:
        size: Examples in each minibatch.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.minibatches = 0
        self._sum: list[Tensor] = []
        self._squares = 0.0

    def add(self, gradient: Sequence[Tensor]) -> None:
        """Takes in the gradient of one minibatch, a tensor for each parameter."""
        if not self._sum:
            self._sum = [torch.zeros_like(part, dtype=torch.float64) for part in gradient]
        for total, part in zip(self._sum, gradient, strict=True):
            total += part
            self._squares += float(torch.linalg.vector_norm(part, dtype=torch.float64)) ** 2
        self.minibatches += 1

    @property
    def mean_squared_norm(self) -> float:
        """Squared Euclidean norm of the mean gradient."""
        return sum(float(torch.linalg.vector_norm(total)) ** 2 for total in self._sum) / self.minibatches**2

    @property
    def variance(self) -> float:
        """``sum_k |g_k - mean|^2 / (K - 1)`` over K >= 2 minibatches."""
        spread = self._squares - self.minibatches * self.mean_squared_norm
        return max(spread, 0.0) / (self.minibatches - 1)
