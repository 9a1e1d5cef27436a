"""A network as it is, and with noise in its weights and inputs: zeros and equal examples hide what noise shows."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

VECTOR_NOISE = 0.1  # standard deviation for biases, scales and single numbers


class Trial(NamedTuple):
    """A network with some weights, and examples.

    Attributes:
        network: From inputs to scores.
        parameters: Its parameters that ask for a gradient, by name.
        x: Inputs ``[N, ...]``.
        noisy: Whether noise was added. Such a network may have no finite scores, or refuse its inputs.
    """

    network: Callable[[Tensor], Tensor]
    parameters: Mapping[str, Tensor]
    x: Tensor
    noisy: bool


def trials(model: nn.Module, parameters: Mapping[str, nn.Parameter], x: Tensor) -> Iterator[Trial]:
    """The network as it is, then with noisy weights on noisy inputs, then with noisy weights on the given inputs.

    The noise is the same in each process. Inputs that are no floats are drawn anew from the values that there are.
    """
    yield Trial(model, parameters, x, noisy=False)
    random = torch.Generator().manual_seed(0)
    weights = {name: (p.detach() + _noise(p, random)).requires_grad_() for name, p in parameters.items()}

    def network(a: Tensor) -> Tensor:
        scores: Tensor = functional_call(model, weights, (a,), tie_weights=True)
        return scores

    yield Trial(network, weights, _noisy_inputs(x, random), noisy=True)
    yield Trial(network, weights, x, noisy=True)


def _noise(p: Tensor, random: torch.Generator) -> Tensor:
    """Of the usual size of initial weights."""
    size = (p.numel() / len(p)) ** -0.5 if p.ndim > 1 else VECTOR_NOISE
    return (size * torch.randn(p.shape, generator=random)).to(p)


def _noisy_inputs(x: Tensor, random: torch.Generator) -> Tensor:
    if not x.is_floating_point():
        drawn = torch.randint(x.numel(), x.shape, generator=random)
        return x.flatten()[drawn.to(x.device)]
    spread = float(x.double().std()) if x.numel() > 1 else 0.0
    return x + ((spread or 1.0) * torch.randn(x.shape, generator=random)).to(x)
