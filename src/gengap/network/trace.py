"""One forward pass of a few examples, watched: shapes, order, what follows what, what is not used."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from gengap.errors import InputError
from gengap.network.copies import duplicate, watched_modules

FEW = 8  # examples of the pass with gradients
Shape = tuple[int, ...]
Settings = tuple[tuple[str, Any], ...]  # of a convolution, by name
OPERATOR = ("stride", "padding", "dilation", "groups", "padding_mode", "output_padding")


@dataclass(frozen=True)
class Trace:
    """What a forward pass shows of a network.

    Attributes:
        calls: Module's name -> shapes of one example of the first tensor it takes, each once, in the order of calls.
        follows: Module's name -> the module whose output, untouched, is its input.
        unused: Names of parameters that the outputs do not depend on, for any of the examples.
        settings: A convolution's name and the shape of an example -> what it was set to in its calls on that shape,
            each once.
    """

    calls: dict[str, tuple[Shape, ...]]
    follows: dict[str, str]
    unused: frozenset[str]
    settings: dict[tuple[str, Shape], tuple[Settings, ...]]


def trace_network(model: nn.Module, x: Tensor) -> Trace:
    """Passes examples through a network that is in evaluation mode and returns one tensor.

    Hooks see what modules are called with; attention's fused kernels, which call no modules, are switched off. The
    first few examples are enough, unless some parameters get no gradient from them: then all pass, since an expert
    among several, say, is reached by some only.
    """
    calls: dict[str, dict[Shape, None]] = {}  # shapes in the order in which they come
    made: dict[int, tuple[str, Tensor, int]] = {}  # holds the tensors, so that an id stays theirs
    follows: dict[str, str] = {}
    settings: dict[tuple[str, Shape], dict[Settings, None]] = {}

    def before(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
            if tensors:
                shape = tuple(tensors[0].shape[1:])
                calls.setdefault(name, {})[shape] = None
                if isinstance(module, _ConvNd):
                    settings.setdefault((name, shape), {})[_settings(module, tensors[0], args, kwargs)] = None
                if isinstance(module, nn.MultiheadAttention):  # uses the weight of out_proj without calling it
                    calls[f"{name}.out_proj"] = calls[name]
                maker, _tensor, version = made.get(id(tensors[0]), ("", None, None))
                if maker and version == tensors[0]._version:  # else changed in place since
                    follows.setdefault(name, maker)

        return hook

    def after(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            if isinstance(output, Tensor):
                made.setdefault(id(output), (name, output, output._version))

        return hook

    modules = watched_modules(model)
    leaves = [(name, module) for name, module in modules if not any(module.children())]
    handles = [module.register_forward_pre_hook(before(name), with_kwargs=True) for name, module in modules]
    handles += [module.register_forward_hook(after(name)) for name, module in leaves]
    try:
        with unfused_attention():
            idle = _idle(model, x[:FEW])
            if idle:
                with torch.no_grad():
                    model(x)
    finally:
        for handle in handles:
            handle.remove()
    return Trace(
        {name: tuple(shapes) for name, shapes in calls.items()},
        follows,
        _unused(model, x, idle),
        {call: tuple(seen) for call, seen in settings.items()},
    )


def _settings(module: _ConvNd, x: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Settings:
    """What makes a convolution the operator that it is in this call, ``output_size`` as the padding that it means."""
    values = {name: getattr(module, name) for name in OPERATOR}
    output_size = kwargs.get("output_size", args[1] if len(args) > 1 else None)
    if isinstance(module, _ConvTransposeNd) and output_size is not None:
        sides: Any = (module.stride, module.padding, module.kernel_size, x.ndim - 2, module.dilation)
        values["output_padding"] = tuple(module._output_padding(x, list(output_size), *sides))
    return tuple(values.items())


@contextmanager
def unfused_attention() -> Iterator[None]:
    """Attention without its fused kernels, which call no modules and no operations that could be watched."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _idle(model: nn.Module, x: Tensor) -> dict[str, list[str]]:
    """Module's name -> its parameters, where none of those that it holds gets a gradient from the outputs."""
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    with torch.enable_grad():
        try:
            output = model(x)
            if not output.requires_grad:
                return {}
            gradients = torch.autograd.grad(output.sum(), list(parameters.values()), allow_unused=True)
        except RuntimeError as error:
            raise InputError(
                f"The gradients of the network cannot be computed: {error}",
                expected="a forward pass that PyTorch can differentiate",
            ) from error
    owned: dict[str, list[str]] = {}
    for name in parameters:
        owned.setdefault(name.rpartition(".")[0], []).append(name)
    moved = {name for name, gradient in zip(parameters, gradients, strict=True) if gradient is not None}
    return {owner: names for owner, names in owned.items() if moved.isdisjoint(names)}


@torch.no_grad()
def _unused(model: nn.Module, x: Tensor, idle: dict[str, list[str]]) -> frozenset[str]:
    """Which idle parameters may have any value: without a gradient they may still be used, under no_grad say."""
    if not idle:
        return frozenset()
    expected = model(x)

    def may_have_any_value(names: list[str]) -> bool:
        other, generator = duplicate(model), torch.Generator().manual_seed(0)
        for name in names:
            parameter = other.get_parameter(name)
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
        return torch.equal(other(x), expected)

    if may_have_any_value([name for names in idle.values() for name in names]):
        return frozenset(name for names in idle.values() for name in names)
    return frozenset(name for names in idle.values() if may_have_any_value(names) for name in names)
