"""A network's weights: a plain copy of it, other weights put into it, and whether they are finite."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gengap.errors import InputError


def own_copy(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode: unwrapped, parametrised weights as they are, at least float32, all differentiable.

    Unlike the network itself it never overwrites its input, which several passes may share.

    Raises:
        InputError: It is no network, or cannot be copied.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"The network is a {type(model).__name__}.", expected="a torch.nn.Module")
    try:
        result = copy.deepcopy(unwrapped(model)).eval()
    except Exception as error:
        raise InputError(
            f"The network cannot be copied: {type(error).__name__}: {error}",
            next_step="remove what torch.nn.utils.weight_norm or spectral_norm put on it, or tensors kept from a pass",
        ) from error
    for module in list(result.modules()):
        _make_plain(module)
    if any(p.dtype in (torch.float16, torch.bfloat16) for p in result.parameters()):
        result = result.float()
    for parameter in result.parameters():
        if parameter.is_floating_point():
            parameter.requires_grad_(True)
            parameter.grad = None
    without_copying(result).register_forward_pre_hook(_copied)
    return result


def without_copying(model: nn.Module) -> nn.Module:
    """The network itself, free of the hook by which ``own_copy`` keeps inputs from being overwritten."""
    for module in model.modules():
        for key, hook in list(module._forward_pre_hooks.items()):
            if hook is _copied:
                del module._forward_pre_hooks[key]
    return model


def _copied(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.clone() if isinstance(value, Tensor) else value for value in inputs)


def _make_plain(module: nn.Module) -> None:
    """Weights that torch.nn.utils.parametrize computes become parameters with the values that they have."""
    if not parametrize.is_parametrized(module):
        return
    shared = type(module)  # made for the user's module, whose copy must not lose its properties
    module.__class__ = type(shared.__name__, shared.__bases__, dict(vars(shared)))
    for name in list(module.parametrizations):  # type: ignore[arg-type]
        parametrize.remove_parametrizations(module, name, leave_parametrized=True)


def unwrapped(model: nn.Module) -> nn.Module:
    """The network inside torch.compile's or a data-parallel wrapper."""
    while True:
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


def with_weights(model: nn.Module, weights: nn.Module | Mapping[str, Tensor], of: str) -> nn.Module:
    """A copy of a network with other weights.

    Args:
        model: The network.
        weights: Another network of the same architecture, or a state dict.
        of: What errors call what holds these weights.

    Raises:
        InputError: Names or shapes that differ, each told.
    """
    if not isinstance(weights, nn.Module | Mapping):
        raise InputError(f"{of} is a {type(weights).__name__}.", expected="a network or its state dict")
    state = own_copy(weights).state_dict() if isinstance(weights, nn.Module) else dict(weights)
    own = model.state_dict()
    for name in own.keys() & state.keys():
        kinds = _kind(state[name]), _kind(own[name])
        if kinds[0] != kinds[1]:
            raise InputError(
                f"{name} of {of} {kinds[0]}, that of the network {kinds[1]}.",
                expected="weights of the same architecture",
            )
    missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or extra:
        told = [f"{word} {_some(names)}" for word, names in (("lacks", missing), ("has besides", extra)) if names]
        raise InputError(f"{of} {' and '.join(told)}.", expected="the network's own parameter names")
    result = copy.deepcopy(model)
    try:
        result.load_state_dict(state)
    except Exception as error:  # whatever a user's set_extra_state raises
        raise InputError(f"{of} cannot be put into the network: {type(error).__name__}: {error}") from error
    return result


def _kind(value: Any) -> str:
    """A state dict holds tensors and, from a module's ``get_extra_state``, anything."""
    return f"has shape {tuple(value.shape)}" if isinstance(value, Tensor) else "is no tensor"


def _some(names: list[str], shown: int = 4) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def check_finite(model: nn.Module, of: str) -> None:
    """Sees that no weight or statistic is NaN or infinite; extra state that is no tensor is passed over.

    Raises:
        InputError: One is, by name.
    """
    tensors = {name: value for name, value in model.state_dict().items() if isinstance(value, Tensor)}
    bad = [name for name, value in tensors.items() if not torch.isfinite(value).all()]
    if bad:
        raise InputError(
            f"Weights of {of} are NaN or infinite: {_some(bad)}.",
            expected="finite weights",
            next_step="take a snapshot from before training diverged",
        )
