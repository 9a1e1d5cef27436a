"""Changes of a perceptron's weights that leave its function as it is, or nearly so."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from gengap.seeds import stream

FACTOR = 2.0  # by which a layer, or at most by which a unit, is multiplied
State = dict[str, Tensor]


def rescaled_layers(model: nn.Sequential) -> State:
    """Weights with every other layer, and its bias, multiplied by 2 and the next one divided by it.

    Args:
        model: Linear layers with ReLUs between them, whose function then stays as it is.
    """
    state, layers = _copy(model), _linear_layers(model)
    for first, second in zip(layers[:-1:2], layers[1::2], strict=False):
        state[f"{first}.weight"] *= FACTOR
        state[f"{first}.bias"] *= FACTOR
        state[f"{second}.weight"] /= FACTOR
    return state


def rescaled_units(model: nn.Sequential, seed: int) -> State:
    """Weights with every hidden unit multiplied by a factor of its own and what it is fed to divided by it.

    Factors are between 1/2 and 2, their logarithms uniform.

    Args:
        model: As in ``rescaled_layers``.
        seed: Of the factors.
    """
    draw = torch.Generator().manual_seed(stream(seed, "trial", "units"))
    state, layers = _copy(model), _linear_layers(model)
    for first, second in pairwise(layers):
        units = len(state[f"{first}.bias"])
        factors = FACTOR ** (2 * torch.rand(units, generator=draw, dtype=torch.float64) - 1)
        factors = factors.to(state[f"{first}.bias"])
        state[f"{first}.weight"] *= factors[:, None]
        state[f"{first}.bias"] *= factors
        state[f"{second}.weight"] /= factors
    return state


def permuted_units(model: nn.Sequential, seed: int) -> State:
    """Weights with the hidden units of every layer in another order; the same order for the same seed.

    Args:
        model: As in ``rescaled_layers``.
        seed: Of the orders.
    """
    draw = torch.Generator().manual_seed(stream(seed, "trial", "permutation"))
    state, layers = _copy(model), _linear_layers(model)
    for first, second in pairwise(layers):
        order = torch.randperm(len(state[f"{first}.bias"]), generator=draw)
        state[f"{first}.weight"] = state[f"{first}.weight"][order]
        state[f"{first}.bias"] = state[f"{first}.bias"][order]
        state[f"{second}.weight"] = state[f"{second}.weight"][:, order]
    return state


def rounded(model: nn.Module) -> State:
    """Weights as bfloat16 holds them, in the type that they had."""
    return {name: value.bfloat16().to(value.dtype) for name, value in _copy(model).items()}


def changed(model: nn.Sequential, change: Callable[[nn.Sequential], State]) -> nn.Sequential:
    """A copy of a network with the weights that a change makes of it."""
    from copy import deepcopy

    result = deepcopy(model)
    result.load_state_dict(change(model))
    return result


def _copy(model: nn.Module) -> State:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _linear_layers(model: nn.Sequential) -> list[str]:
    """Names of the linear layers, in order."""
    return [name for name, layer in model.named_children() if isinstance(layer, nn.Linear)]
