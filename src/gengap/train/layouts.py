"""Memory layouts of networks of images: who has one, and how it is kept through a step."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gengap.train.execution import Execution


def has_convolutions(module: nn.Module) -> bool:
    """Whether a network has a convolution of images, the only layers that a memory layout makes a difference to."""
    return any(isinstance(layer, nn.Conv2d) for layer in module.modules())


def keep_layout(module: nn.Module) -> None:
    """Lets gradients that come back through a flattening layer have the layout that images went into it with.

    They come back contiguous otherwise, and every layer before then works on two layouts at once.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Flatten):
            layer.register_forward_pre_hook(_channels_last_gradient)


def _channels_last_gradient(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    (x,) = inputs
    if x.requires_grad and x.ndim == 4:
        x.register_hook(lambda gradient: gradient.contiguous(memory_format=torch.channels_last))  # type: ignore[no-untyped-call]


def joined(tensors: Sequence[Tensor], execution: Execution) -> Tensor:
    """``[R, …]``; a single convolution kernel keeps the channels-last layout where that is asked for."""
    if len(tensors) == 1 and tensors[0].ndim == 4 and execution.memory_format == "channels_last":
        return tensors[0].clone(memory_format=torch.channels_last).unsqueeze(0)
    return torch.stack(list(tensors))
