"""The named networks: parameter counts, input shapes and sources."""

from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import nn

from gengap.models.registry import NETWORKS, Network, Shape


@dataclass(frozen=True)
class ModelInfo:
    """A named network.

    Attributes:
        name: What ``build`` calls it.
        parameters: Trainable parameters at ``input_shape`` with ten classes.
        input_shape: The paper's input, ``(C, H, W)``.
        source: Paper and place.
        vocabulary: Of a network for tokens, the size at which parameters are counted; None for numbers.
    """

    name: str
    parameters: int
    input_shape: Shape
    source: str
    vocabulary: int | None = None


def named() -> list[ModelInfo]:
    """All named networks, sorted by name."""
    return [_info(NETWORKS[name]) for name in sorted(NETWORKS)]


def count_parameters(module: nn.Module) -> int:
    """Number of trainable scalars of a module.

    >>> count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def _info(network: Network) -> ModelInfo:
    tokens = network.vocabulary is not None
    place = nullcontext() if tokens else torch.device("meta")  # there, embeddings make torch import its compiler
    with torch.random.fork_rng(devices=[]), place:
        more = (network.vocabulary,) if tokens else ()
        module = network.make(network.input_shape, 10, 0.0, *more)
    return ModelInfo(network.name, count_parameters(module), network.input_shape, network.source, network.vocabulary)
