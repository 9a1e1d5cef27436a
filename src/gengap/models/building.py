"""A model from its name: a registered network, or a factory of the user's."""

from dataclasses import dataclass

import torch
from torch import nn

from gengap.errors import InputError, unknown
from gengap.models.registry import NETWORKS, Network, Shape


@dataclass(frozen=True)
class ModelInfo:
    """A named network: parameter count at ``input_shape`` with ten classes, and where it comes from."""

    name: str
    parameters: int
    input_shape: Shape
    source: str


def build(name: str, input_shape: Shape, n_classes: int, *, dropout: float = 0.0) -> nn.Module:
    """A freshly initialised model; the same ``torch.manual_seed`` before it gives the same weights.

    Args:
        name: A name of ``named()``.
        input_shape: Shape of one example, ``(C, H, W)`` or ``(D,)``.
        n_classes: Number of classes C, at least 2.
        dropout: Probability in [0, 1) with which the inputs of the wide layers are dropped.

    Raises:
        InputError: Unknown name, or a shape that the network cannot take.
    """
    if name not in NETWORKS:
        raise unknown("model", name, NETWORKS)
    network = NETWORKS[name]
    _check_shape(network, tuple(input_shape))
    return network.make(tuple(input_shape), n_classes, dropout)


def named() -> list[ModelInfo]:
    """All named networks, in the order of their names."""
    return [_info(NETWORKS[name]) for name in sorted(NETWORKS)]


def count_parameters(module: nn.Module) -> int:
    """Number of trainable scalars of a module."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def _info(network: Network) -> ModelInfo:
    with torch.device("meta"):
        module = network.make(network.input_shape, 10, 0.0)
    return ModelInfo(network.name, count_parameters(module), network.input_shape, network.source)


def _check_shape(network: Network, shape: Shape) -> None:
    if network.smallest is None:
        return
    if len(shape) != 3:
        raise InputError(
            f"{network.name} cannot take inputs of shape {shape}.",
            expected="images of shape (channels, height, width)",
            next_step="use an MLP, which takes any shape",
        )
    if min(shape[1:]) < network.smallest:
        raise InputError(
            f"{network.name} cannot take images of {shape[1]} x {shape[2]} pixels.",
            expected=f"at least {network.smallest} x {network.smallest} pixels",
            next_step="use another model, or larger images",
        )
