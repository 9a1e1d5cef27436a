"""The weight layers of a network, and which parameters are not among them."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gengap.network.rules import Kind, LinearMap, has_own_forward, linear_maps, vectors
from gengap.network.trace import Shape, Trace

UNUSED = "the scores do not depend on it"


@dataclass(frozen=True, eq=False)
class WeightLayer:
    """The weight of one linear map of a network.

    Attributes:
        name: The module's name in the network; of attention's projections ``name.q``, ``name.k``, ``name.v``.
        kind: ``linear``, ``conv``, ``conv_transpose``, ``embedding``, or ``attention`` for those projections.
        module: Where it comes from: stride, padding, dilation, groups.
        parameter: The parameter's name in the network.
        rows: Which rows of that parameter it is.
        weight: Float64 on the CPU, ``[out, in]`` or ``[out, in / groups, k…]``; of a transposed convolution
            ``[in, out / groups, k…]``, of an embedding ``[words, out]``.
        bias: Likewise ``[out]``, or None.
        uses: Every module that applies the weight, set as it was when it was called, with the shape of one example of
            its input: each once, tied ones too; None for the shape where no call was seen.
        tied: Names of the layers that use the same weight later; they are not counted again.
    """

    name: str
    kind: Kind
    module: nn.Module
    parameter: str
    rows: slice
    weight: Tensor
    bias: Tensor | None
    uses: tuple[tuple[nn.Module, Shape | None], ...]
    tied: tuple[str, ...] = ()

    @property
    def input_shape(self) -> Shape | None:
        """Shape of one example of the module's input in its first call; None where none was seen."""
        return self.uses[0][1]

    @property
    def matrix(self) -> Tensor:
        """The weight as a matrix ``[out, in * k…]``: a kernel is reshaped, an embedding maps one-hot vectors."""
        if self.kind == "embedding":
            return self.weight.T
        if self.kind == "conv_transpose":  # [groups * in, out, k…] -> [groups * out, in * k…]
            groups = int(self.module.groups)  # type: ignore[arg-type]
            kernels = self.weight.reshape(groups, -1, *self.weight.shape[1:])
            return kernels.transpose(1, 2).flatten(0, 1).flatten(1)
        return self.weight.flatten(1)


@dataclass(frozen=True)
class Inventory:
    """What the parameters of a network are: weights of linear maps, vectors, and those that no rule covers.

    Attributes:
        layers: Its weight layers, in the order of first calls, or of definition where that is not known.
        left_out: Name -> why definitions that sum over weights do not count it.
        uncovered: Name -> why no rule covers it.
    """

    layers: tuple[WeightLayer, ...]
    left_out: dict[str, str]
    uncovered: dict[str, str]


def inventory(model: nn.Module, trace: Trace | None = None) -> Inventory:
    """The weight layers of a network and the names of its other parameters; tied weights come once, at their first use.

    Args:
        model: The network.
        trace: What a forward pass showed; None leaves input shapes, the order of calls and what is unused unknown.
    """
    layers: dict[tuple[int, int], WeightLayer] = {}
    left_out: dict[str, str] = {}
    uncovered: dict[str, str] = {}
    for name, module in _in_order(model, trace):
        names = {key for key, _ in module.named_parameters(recurse=False)}
        if names and trace and names <= {full.removeprefix(f"{name}.") for full in trace.unused}:
            left_out[name] = UNUSED
            continue
        for linear_map in linear_maps(module):
            layer = _layer(name, module, linear_map, trace)
            key = id(getattr(module, linear_map.weight)), linear_map.part
            earlier = layers.get(key)
            layers[key] = layer if earlier is None else _with_tied(earlier, layer)
        weights = {linear_map.weight for linear_map in linear_maps(module)}
        if not weights and names and names <= vectors(module):
            left_out[name] = "a vector, not the weight of a linear map"
        for parameter in sorted(names - weights - vectors(module)):
            unknown, reason = _without_rule(name, module, parameter)
            uncovered[unknown] = reason
    return Inventory(tuple(layers.values()), left_out, uncovered)


def _with_tied(layer: WeightLayer, later: WeightLayer) -> WeightLayer:
    return replace(layer, tied=(*layer.tied, later.name), uses=(*layer.uses, *later.uses))


def _in_order(model: nn.Module, trace: Trace | None) -> Iterator[tuple[str, nn.Module]]:
    modules = dict(model.named_modules())
    called = [name for name in (trace.calls if trace else ()) if name in modules]
    yield from ((name, modules[name]) for name in dict.fromkeys([*called, *modules]))


def _layer(name: str, module: nn.Module, linear_map: LinearMap, trace: Trace | None) -> WeightLayer:
    weight: Tensor = getattr(module, linear_map.weight)
    bias: Tensor | None = getattr(module, linear_map.bias) if linear_map.bias else None
    length = len(weight) // linear_map.parts
    rows = slice(linear_map.part * length, (linear_map.part + 1) * length)
    return WeightLayer(
        name=f"{name}{linear_map.suffix}",
        kind=linear_map.kind,
        module=module,
        parameter=f"{name}.{linear_map.weight}".removeprefix("."),
        rows=rows,
        weight=_float64(weight[rows]),
        bias=None if bias is None else _float64(bias[rows] if linear_map.parts > 1 else bias),
        uses=tuple(_uses(name, module, trace)),
    )


def _uses(name: str, module: nn.Module, trace: Trace | None) -> Iterator[tuple[nn.Module, Shape | None]]:
    """The module as it was called, which for a convolution may not be as it is set, with the shape of an example."""
    if trace is None or name not in trace.calls:
        yield module, None
        return
    for shape in trace.calls[name]:
        for settings in trace.settings.get((name, shape), ((),)):
            called = module
            if any(getattr(module, key) != value for key, value in settings):
                called = copy.copy(module)
                called.__dict__.update(settings)
            yield called, shape


def _float64(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float64, copy=True)


def _without_rule(name: str, module: nn.Module, key: str) -> tuple[str, str]:
    """A layer of PyTorch's, or like one, goes by its own name, a parameter of another module by the parameter's."""
    kind = type(module).__name__
    if name and has_own_forward(module):
        return name, f"no rule for {kind}, whose forward pass is its own"
    if name and type(module).__module__.startswith("torch.nn.") and not linear_maps(module):
        return name, f"no rule for {kind}"
    return f"{name}.{key}".removeprefix("."), f"a parameter of {kind}, which no rule covers"
