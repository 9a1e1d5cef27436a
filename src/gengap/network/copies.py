"""Copies of a network: plain parameters, other weights, and whether all weights are finite."""

import copy
from collections.abc import Container, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from gengap.errors import InputError
from gengap.network.state_names import named_for, network_places
from gengap.network.through_detach import cut_at_detach, differentiate_through

_ANOTHER = "name the network that the weights were saved from, or the file that goes with this network"


def plain_copy(model: nn.Module, *, parametrized: bool = False) -> nn.Module:
    """A differentiable copy in evaluation mode, at least float32: unwrapped, computed weights replaced by their values.

    Inputs are cloned before each pass, since several passes share them and a network may overwrite its input.
    Derivatives are those of the function that is computed: ``detach()`` and ``no_grad()`` inside have no effect.
    Weights are in PyTorch's default order, also where they came channels last.

    Args:
        model: The network; it stays as it is.
        parametrized: Whether weights that torch.nn.utils computes from other parameters stay computed.

    Raises:
        InputError: It is no network, is compiled to TorchScript, or cannot be copied.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"The network is a {type(model).__name__}.", expected="a torch.nn.Module")
    if isinstance(model, torch.jit.ScriptModule):
        raise InputError(
            "The network is compiled to TorchScript, which hides its layers.",
            expected="a torch.nn.Module as it is in Python",
            next_step="give the network that was compiled, with these weights",
        )
    try:
        result = duplicate(unwrapped(model)).eval()
    except Exception as error:
        raise InputError(f"The network cannot be copied: {type(error).__name__}: {error}") from error
    for module in [] if parametrized else list(result.modules()):
        _make_plain(module)
    if any(p.dtype in (torch.float16, torch.bfloat16) for p in result.parameters()):
        result = result.float()
    for parameter in result.parameters():
        # Also the strides of axes of length one: by them PyTorch chooses channels last, whose weight gradients have
        # ended processes.
        parameter.data = parameter.data.clone(memory_format=torch.contiguous_format)
        if parameter.is_floating_point():
            parameter.requires_grad_(True)
            parameter.grad = None
    without_hooks(result).register_forward_pre_hook(_copied)
    differentiate_through(result)
    return result


def duplicate(model: nn.Module) -> nn.Module:
    """A deep copy; tensors that a pass left behind in the network are copied without their history."""
    computed = [tensor for module in model.modules() for tensor in _tensors(vars(module)) if not tensor.is_leaf]
    memo: dict[int, Any] = {id(tensor): tensor.detach().clone() for tensor in computed}
    return copy.deepcopy(model, memo)


def watched_modules(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Name and module, of all that take hooks: those compiled to TorchScript do not."""
    return [(name, part) for name, part in model.named_modules() if not isinstance(part, torch.jit.ScriptModule)]


def in_float64(model: nn.Module) -> nn.Module:
    """A copy in float64, with the tensors in its modules' plain attributes, which PyTorch's ``double()`` leaves."""
    result = duplicate(model).double()
    for module in result.modules():
        for name, value in list(vars(module).items()):
            if name not in ("_parameters", "_buffers", "_modules") and any(True for _ in _tensors(value)):
                vars(module)[name] = _doubled(value)
    return result


def _doubled(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.double() if value.is_floating_point() else value
    if isinstance(value, Mapping):
        return {key: _doubled(part) for key, part in value.items()}
    return type(value)(_doubled(part) for part in value) if type(value) in (list, tuple) else value


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from _tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)


def without_hooks(model: nn.Module) -> nn.Module:
    """The same network without the hooks of ``plain_copy``."""
    for module in model.modules():
        cut_at_detach(module)
        for key, hook in list(module._forward_pre_hooks.items()):
            if hook is _copied:
                del module._forward_pre_hooks[key]
    return model


def _copied(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.clone() if isinstance(value, Tensor) else value for value in inputs)


def _make_plain(module: nn.Module) -> None:
    """Weights that torch.nn.utils computes from others become parameters with the values that they have."""
    for hook in list(module._forward_pre_hooks.values()):
        if isinstance(hook, WeightNorm):
            remove_weight_norm(module, hook.name)
        elif isinstance(hook, SpectralNorm):
            remove_spectral_norm(module, hook.name)
        elif isinstance(hook, prune.BasePruningMethod):
            prune.remove(module, hook._tensor_name)  # type: ignore[no-untyped-call]
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
        InputError: Names or shapes that differ; the message lists them.
    """
    if not isinstance(weights, nn.Module | Mapping):
        raise InputError(f"{of} is a {type(weights).__name__}.", expected="a network or its state dict")
    state = plain_copy(weights).state_dict() if isinstance(weights, nn.Module) else dict(weights)
    expected = model.state_dict(keep_vars=True)
    if len(places := [place.removesuffix(".") for place in network_places(state, expected)]) > 1:
        raise InputError(
            f"{of} holds this network {len(places)} times: under {' and under '.join(places)}.",
            expected="the one that is meant, as the network itself or a moving average of its weights",
            next_step=f"choose it: --weights-key {' or --weights-key '.join(places)} (weights_key= in Python)",
        )
    state = named_for(state, expected)
    state |= {name: state[tied] for name, tied in _tied(expected, state.keys()).items()}
    for name in (name for name in expected if name in state):
        kinds = _kind(state[name]), _kind(expected[name])
        if kinds[0] != kinds[1]:
            raise InputError(
                f"{name} of {of} {kinds[0]}, that of the network {kinds[1]}.",
                expected="weights of the same architecture",
                next_step=_ANOTHER,
            )
    missing, extra = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing or extra:
        differences = [f"{word} {_some(names)}" for word, names in (("lacks", missing), ("also has", extra)) if names]
        raise InputError(
            f"{of} {' and '.join(differences)}.", expected="the network's own parameter names", next_step=_ANOTHER
        )
    result = duplicate(model)
    try:
        result.load_state_dict(state)
    except Exception as error:  # whatever a user's set_extra_state raises
        raise InputError(f"{of} cannot be put into the network: {type(error).__name__}: {error}") from error
    return result


def _tied(expected: Mapping[str, Any], given: Container[str]) -> dict[str, str]:
    """Name that is not given -> one that is, of the same parameter: files often hold tied weights once."""
    names = {id(value): name for name, value in expected.items() if name in given}
    return {name: names[id(value)] for name, value in expected.items() if name not in given and id(value) in names}


def _kind(value: Any) -> str:
    """A state dict holds tensors and, from a module's ``get_extra_state``, anything."""
    return f"has shape {tuple(value.shape)}" if isinstance(value, Tensor) else "is no tensor"


def _some(names: list[str], shown: int = 4) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def check_finite(model: nn.Module, of: str) -> None:
    """Sees that no weight or statistic is NaN or infinite; another buffer, such as a mask, may be infinite.

    Raises:
        InputError: One is, by name.
    """
    weights = {name for name, _ in model.named_parameters()}
    tensors = {
        name: value.dequantize() if value.is_quantized else value
        for name, value in model.state_dict().items()
        if isinstance(value, Tensor)
    }
    strict = {name for name in tensors if name in weights or name.endswith(("running_mean", "running_var"))}
    bad = [n for n, value in tensors.items() if (~value.isfinite() if n in strict else value.isnan()).any()]
    if bad:
        raise InputError(
            f"Weights of {of} are NaN or infinite: {_some(bad)}.",
            expected="finite weights",
            next_step="take a snapshot from before training diverged",
        )
