"""Augmentation on the device: random crops and flips."""

import torch
from torch import Tensor


def random_crop(x: Tensor, crop: int, generator: torch.Generator) -> Tensor:
    """For each image of ``[B, C, H, W]`` a window of ``crop`` x ``crop`` pixels at a uniformly random place."""
    height, width = x.shape[-2:]
    top = torch.randint(height - crop + 1, (len(x), 1, 1), generator=generator)
    left = torch.randint(width - crop + 1, (len(x), 1, 1), generator=generator)
    side = torch.arange(crop)
    window = ((top + side[:, None]) * width + left + side).flatten(1).to(x.device)
    flat = x.flatten(2).gather(2, window[:, None, :].expand(-1, x.shape[1], -1))
    return flat.reshape(len(x), -1, crop, crop)


def random_flip(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each image of ``[B, C, H, W]`` mirrored left to right with probability 1/2."""
    mirrored = torch.rand(len(x), generator=generator) < 0.5
    return torch.where(mirrored.to(x.device)[:, None, None, None], x.flip(-1), x)
