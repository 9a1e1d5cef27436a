"""An order of the points in which those of a block lie near each other."""

import torch
from torch import Tensor

_POWER_STEPS = 5  # the direction need not be exact


def neighbourhood_order(points: Tensor, size: int, seed: int) -> Tensor:
    """Indices of the points, block of ``size`` by block.

    The points are halved at the middle block along the direction in which they vary most, then each half again.

    Args:
        points: ``[n, d]``.
        size: Points of a block; the last block may have fewer.
        seed: Of the directions that power iteration starts from.
    """
    generator = torch.Generator().manual_seed(seed)
    return _ordered(points, torch.arange(len(points), device=points.device), size, generator)


def _ordered(points: Tensor, index: Tensor, size: int, generator: torch.Generator) -> Tensor:
    blocks = -(-len(index) // size)
    if blocks == 1:
        return index
    own = points[index]
    index = index[(own @ _direction(own, generator)).argsort(stable=True)]
    del own  # before the halves make copies of theirs
    middle = blocks // 2 * size
    halves = (_ordered(points, half, size, generator) for half in (index[:middle], index[middle:]))
    return torch.cat(list(halves))


def _direction(points: Tensor, generator: torch.Generator) -> Tensor:
    """About the first principal component."""
    mean = points.mean(0)
    vector = torch.randn(points.shape[1], generator=generator).to(points)
    for _ in range(_POWER_STEPS):
        along = points @ vector - mean @ vector
        vector = points.T @ along - mean * along.sum()
        vector = vector / vector.norm().clamp(min=torch.finfo(vector.dtype).tiny)
    return vector
