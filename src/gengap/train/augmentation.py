"""Augmentation on the device: random crops, flips and rotations of images, and mixtures of examples."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def random_crop(x: Tensor, crop: int, generator: torch.Generator) -> Tensor:
    """For each image of ``[B, C, H, W]`` a window of ``crop`` x ``crop`` pixels at a uniformly random place."""
    height, width = x.shape[-2:]
    top = torch.randint(height - crop + 1, (len(x), 1, 1), generator=generator)
    left = torch.randint(width - crop + 1, (len(x), 1, 1), generator=generator)
    side = torch.arange(crop, device=x.device)  # windows are made there: of the host come two numbers an image
    window = ((top.to(x.device) + side[:, None]) * width + left.to(x.device) + side).flatten(1)
    flat = x.flatten(2).gather(2, window[:, None, :].expand(-1, x.shape[1], -1))
    return flat.reshape(len(x), -1, crop, crop)


def random_flip(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each image of ``[B, C, H, W]`` mirrored left to right with probability 1/2."""
    mirrored = torch.rand(len(x), generator=generator) < 0.5
    return torch.where(mirrored.to(x.device)[:, None, None, None], x.flip(-1), x)


def padded_crop(x: Tensor, pad: int, generator: torch.Generator) -> Tensor:
    """Each image of ``[B, C, H, W]`` within a border of ``pad`` zeros, cut to H x W at a uniformly random place."""
    height, width = x.shape[-2:]
    if height == width:
        return random_crop(F.pad(x, (pad,) * 4), height, generator)
    side = max(height, width)  # crops are square: make room for the larger side, then cut back
    below, right = side - height, side - width
    whole = random_crop(F.pad(x, (pad, pad + right, pad, pad + below)), side, generator)
    return whole[..., :height, :width]


def random_rotation(x: Tensor, degrees: float, generator: torch.Generator) -> Tensor:
    """Each image of ``[B, C, H, W]`` turned about its centre by an angle uniform in [-degrees, degrees].

    Values are interpolated bilinearly and rounded for whole-number types; what comes from outside is 0.
    """
    angles = (2 * torch.rand(len(x), generator=generator) - 1) * math.radians(degrees)
    height, width = x.shape[-2:]
    sine, cosine, zero = angles.sin(), angles.cos(), torch.zeros(len(x))
    rows = [cosine, -sine * height / width, zero], [sine * width / height, cosine, zero]
    turn = torch.stack([torch.stack(row, 1) for row in rows], 1).to(x.device)
    dtype = x.dtype if x.is_floating_point() else torch.float32
    grid = F.affine_grid(turn.to(dtype), list(x.shape), align_corners=False)
    turned = F.grid_sample(x.to(dtype), grid, align_corners=False)
    return turned if x.is_floating_point() else turned.round_().to(x.dtype)


def mixed(
    x: Tensor, y: Tensor, alpha: float, generators: Sequence[np.random.Generator]
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Mixup: ``s x_i + (1 - s) x_j``, with s from Beta(alpha, alpha) and a random partner j, for each replica.

    Source: Zhang et al. 2018 (arXiv:1710.09412), equation 1; one s for a minibatch, as in the authors' code.

    Args:
        x: ``[R, B, …]`` floats.
        y: ``[R, B]`` labels.
        alpha: Above 0.
        generators: One for each replica.

    Returns:
        The mixed inputs; the partners' labels ``[R, B]`` and the shares s ``[R]``.
    """
    shares = torch.tensor([g.beta(alpha, alpha) for g in generators], dtype=x.dtype, device=x.device)
    partners = torch.from_numpy(np.stack([g.permutation(x.shape[1]) for g in generators])).to(x.device)
    others = torch.stack([part[partner] for part, partner in zip(x, partners, strict=True)])
    weights = shares.view(-1, *(1,) * (x.ndim - 1))
    return weights * x + (1 - weights) * others, (y.gather(1, partners), shares)
