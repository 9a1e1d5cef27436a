"""From stored pixels to what a model sees, on the device: crop, flip, scale."""

import torch
from torch import Tensor

from gengap.data import Preprocessing


def scaled(x: Tensor, preprocessing: Preprocessing, dtype: torch.dtype) -> Tensor:
    """Inputs of a model: ``x`` as ``dtype``, uint8 divided by 255 where scaled, signed or whitened one by one.

    Whitening is Zhang et al.'s ``(x - mean) / max(std, 1 / sqrt(number of values))`` over all values of an image.

    Args:
        x: ``[..., B, C, H, W]`` or ``[..., B, D]``, already cropped.
        preprocessing: Only its ``scale`` counts here.
        dtype: Floating type of the result.
    """
    unit = 1.0 if x.is_floating_point() else 1 / 255
    if preprocessing.scale == "none":
        return x.to(dtype)
    if preprocessing.scale == "unit":
        return x.to(dtype) * unit
    if preprocessing.scale == "signed":
        return x.to(dtype) * (2 * unit) - 1
    values = (x.flatten(-3) if x.ndim >= 4 else x).to(dtype, copy=True)
    floor = values.shape[-1] ** -0.5
    values -= values.mean(-1, keepdim=True)
    # The norm of what is centred is far faster on a CPU than torch.std_mean, and as exact.
    deviation = torch.linalg.vector_norm(values, dim=-1, keepdim=True) * (floor * unit)
    values *= unit / deviation.clamp_min(floor)
    return values.reshape(x.shape)


def centre_crop(x: Tensor, crop: int | None) -> Tensor:
    """The centre ``crop`` x ``crop`` pixels of images ``[..., H, W]``; everything when ``crop`` is None."""
    if crop is None:
        return x
    top, left = (x.shape[-2] - crop) // 2, (x.shape[-1] - crop) // 2
    return x[..., top : top + crop, left : left + crop]


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
