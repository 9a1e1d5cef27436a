"""Power iteration."""

from collections.abc import Callable

import torch
from torch import Tensor

Linear = Callable[[Tensor], Tensor]  # [n, C] to [n, C]
_STEPS = 12


def power_iteration(linear: Linear, like: Tensor) -> tuple[float, Tensor]:
    """Estimate, from below, of a symmetric positive definite map's largest eigenvalue, and a vector near its own.

    Args:
        linear: The map of ``[n, 1]``.
        like: ``[n, …]``: how many numbers, of which type and where.
    """
    vector = torch.randn(len(like), 1, generator=torch.Generator().manual_seed(0)).to(like)
    grown = 0.0
    for _ in range(_STEPS):
        vector = linear(vector / vector.norm())
        grown = float(vector.norm())
    return grown, vector
