"""Whether a network of nonnegative weights without biases is homogeneous, and which of its layers is not."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

_NEVER = {
    nn.MultiheadAttention: "attention weighs its inputs by softmax",
    nn.LayerNorm: "layer norm divides by its input's spread",
    nn.GroupNorm: "group norm divides by its input's spread",
    nn.RMSNorm: "root-mean-square norm divides by its input's size",
    _InstanceNorm: "instance norm divides by its input's spread",
    _BatchNorm: "batch norm without running statistics divides by its input's spread",
    nn.Embedding: "an embedding looks words up",
    nn.RNNBase: "a recurrent layer squashes its state",
}
FACTORS = (2.0, 2.0**40, 2.0**-40)  # powers of two scale floats exactly; the far ones reach what saturates
LEAST = 1e-290  # a number below may have lost digits where it is 2^-40 times as large


def not_homogeneous(model: nn.Module, x: Tensor) -> dict[str, str]:
    """Name of a layer -> why f(c x) is not c f(x) once biases are zero; empty where it is for c = 2, 2^40 and 2^-40.

    Multiplying by a power of two is exact in floating point, so the two sides may differ by rounding alone. Numbers
    beyond float64 decide nothing. The name is empty where the function is no module.

    Args:
        model: In evaluation mode and float64; it stays as it is.
        x: A batch of inputs.
    """
    never = {name: why for name, m in model.named_modules() for kind, why in _NEVER.items() if isinstance(m, kind)}
    if never:
        return never
    unbiased = copy.deepcopy(model)
    for module in unbiased.modules():
        if isinstance(getattr(module, "bias", None), nn.Parameter):
            module.bias.data.zero_()  # type: ignore[operator]
    result: dict[str, str] = {}
    with torch.no_grad():
        if _is_homogeneous(unbiased, x, unbiased(x)):
            return {}
        for name, module in unbiased.named_modules():
            if not any(module.children()):
                module.register_forward_hook(_noting(name, result))
        unbiased(x)
    return result or {"": "a function between its layers is not homogeneous, as ReLU, sums and maxima are"}


def _noting(name: str, result: dict[str, str]) -> Callable[..., None]:
    def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if len(args) == 1 and isinstance(args[0], Tensor) and not _is_homogeneous(module.forward, args[0], output):
            result[name] = f"{type(module).__name__} is not homogeneous"

    return hook


def _is_homogeneous(function: Callable[[Tensor], Tensor], x: Tensor, output: Tensor) -> bool:
    return all(_alike(function(factor * x), factor * output) for factor in FACTORS)


def _alike(result: Tensor, expected: Tensor) -> bool:
    close = torch.isclose(result, expected, rtol=1e-12, atol=LEAST)
    return bool((close | ~result.isfinite()).all())
