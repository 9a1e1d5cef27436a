"""Batch norm folded into the layer before it, where that leaves the network's outputs unchanged."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from gengap.network.copies import duplicate, in_float64
from gengap.network.rules import has_running_statistics, linear_maps
from gengap.network.trace import Trace

TOLERANCE = 1e-9  # relative to the largest output, in float64
Pairs = tuple[tuple[str, str], ...]


def foldable(model: nn.Module, x: Tensor, trace: Trace) -> tuple[Pairs, dict[str, str]]:
    """The pairs (layer, batch norm) that may be folded, and why each other batch norm may not.

    A batch norm may be folded where its input is the untouched output of a linear layer or convolution. Where
    that layer's output is used elsewhere too, folding would change the outputs, which a pass in float64 checks.

    Args:
        model: In evaluation mode.
        x: A few examples.
        trace: What a forward pass of the model showed.
    """
    modules = dict(model.named_modules())
    norms = [name for name, module in modules.items() if has_running_statistics(module)]
    refused = {name: folding_obstacle(modules[name], modules.get(trace.follows.get(name, ""))) for name in norms}
    refused = {name: reason for name, reason in refused.items() if reason}
    pairs = [(trace.follows[name], name) for name in norms if name not in refused]
    if not pairs:
        return (), refused
    exact = in_float64(model)
    try:
        expected = _scores(exact, x)
    except Exception:  # whatever a user's forward raises when it is given float64
        return (), refused | {norm: "batch norm not folded: the network cannot run in float64" for _, norm in pairs}
    safe = pairs if _same(exact, pairs, x, expected) else [p for p in pairs if _same(exact, [p], x, expected)]
    refused |= {
        norm: f"batch norm not folded: the output of {layer} is used elsewhere too"
        for layer, norm in pairs
        if (layer, norm) not in safe
    }
    return tuple(safe), refused


def folded(model: nn.Module, pairs: Iterable[tuple[str, str]]) -> nn.Module:
    """A copy of a network in which each batch norm is folded into its layer and replaced by the identity.

    With s = gamma / sqrt(var + eps) and the running statistics: W' = s W, b' = beta + s (b - mean), by channel.

    Args:
        model: The network.
        pairs: ``(layer, batch norm)`` by name.
    """
    result = duplicate(model)
    for layer_name, norm_name in pairs:
        _fold(result.get_submodule(layer_name), result.get_submodule(norm_name))
        parent, _, child = norm_name.rpartition(".")
        setattr(result.get_submodule(parent), child, nn.Identity())
    return result


def _fold(layer: Any, norm: Any) -> None:
    """``layer`` is a linear layer or a convolution, ``norm`` anything with running statistics."""
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if getattr(norm, "weight", None) is not None:
        scale = scale * norm.weight.double()
    bias = -norm.running_mean.double() if layer.bias is None else layer.bias.double() - norm.running_mean.double()
    bias = scale * bias
    if getattr(norm, "bias", None) is not None:
        bias = bias + norm.bias.double()
    weight: Tensor = layer.weight
    axis = 1 if linear_maps(layer)[0].kind == "conv_transpose" else 0
    shape = [-1 if index == axis else 1 for index in range(weight.ndim)]
    layer.weight = nn.Parameter((weight.double() * scale.view(shape)).to(weight.dtype).detach())
    layer.bias = nn.Parameter(bias.to(weight.dtype).detach())


def folding_obstacle(norm: nn.Module, layer: nn.Module | None) -> str:
    """Why a batch norm cannot be folded into a module whose output it takes, or None for no module; else empty."""
    if norm.running_mean is None:
        return "batch norm not folded: it has no running statistics"
    if (
        layer is None
        or not linear_maps(layer)
        or linear_maps(layer)[0].kind not in ("linear", "conv", "conv_transpose")
    ):
        return "batch norm not folded: it does not follow a linear layer or a convolution"
    grouped = linear_maps(layer)[0].kind == "conv_transpose" and layer.groups != 1
    outputs = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
    if grouped or len(norm.running_mean) != outputs:  # type: ignore[arg-type]
        return "batch norm not folded: its channels are not those of the layer before it"
    return ""


def _same(exact: nn.Module, pairs: Iterable[tuple[str, str]], x: Tensor, expected: Tensor) -> bool:
    difference = (_scores(folded(exact, pairs), x) - expected).abs().max()
    return bool(difference <= TOLERANCE * expected.abs().max())


def _scores(exact: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        scores: Tensor = exact(x.double() if x.is_floating_point() else x)
    return scores
