"""Weights that are no parameters of a known layer: packed by quantisation, in a buffer, in a plain attribute."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from gengap.network.operations import MOVES, NORMALISATIONS, SHAPES, SUMMAND_FIRST, Operation, OperationWatch, storage
from gengap.network.rules import has_running_statistics, linear_maps, vectors
from gengap.network.trace import unfused_attention

FORWARD = "forward"  # what a tensor that is no module's is named by, where the network itself uses it

# Operations in which a constant is no weight: it is added, compared, chosen or put beside other values.
# fmt: off
ADDITIVE = {
    "add", "sub", "rsub", "cat", "stack", "where", "maximum", "minimum", "copy", "masked_fill", "masked_scatter",
    "index_put", "scatter", "eq", "ne", "lt", "le", "gt", "ge", "bitwise_and", "bitwise_or", "logical_and",
    "logical_or", "clamp", "fill", "bucketize", "searchsorted", "index_add", "scatter_add", "isin",
}
ELEMENTWISE = {"mul", "div", "pow", "addcmul", "addcdiv", "lerp", "fmod", "remainder", "floor_divide", "atan2"}
SCALES = NORMALISATIONS | {
    "native_layer_norm", "native_group_norm", "_fused_rms_norm", "rms_norm", "_native_batch_norm_legit", "prelu",
    "_prelu_kernel", "native_dropout",
}
RANDOM = {"rand", "randn", "randint", "randperm", "normal", "bernoulli", "rand_like", "randn_like"}
KEEP_SCALES = {"mul", "div", "add", "sub", "rsub", "neg", "clone", "_to_copy", "copy"}  # linear, and keep the shape
# Arguments that are no factor: added to scores, or places at which an image is read.
NO_FACTORS = {"bias", "attn_mask", "attn_bias", "mask", "grid", "boundaries", "hx", "cx", "hx_", "cx_"}
REDUCTIONS = {"sum", "mean", "avg_pool1d", "avg_pool2d", "avg_pool3d", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d"}
CONTRACTIONS = {"mm", "bmm", "mv", "dot", "addmm", "baddbmm", "addmv", "_int_mm", "convolution"}  # of integers too
# fmt: on


@dataclass(frozen=True)
class Constant:
    """A tensor that no input has gone into.

    Attributes:
        names: The parameters, buffers and attributes that it is made of.
        stored: Whether its values are as they are stored there, however arranged.
    """

    names: frozenset[str]
    stored: bool = True


@dataclass(frozen=True)
class Computed:
    """A tensor that depends on the network's inputs.

    Attributes:
        scaled: Constants that its values have been multiplied by one by one, each with the shape of the product and
            the axes along which the constant varies. A sum over such an axis is a weighted one.
    """

    scaled: frozenset["Scaling"] = frozenset()


@dataclass(frozen=True)
class Scaling:
    """What values have been multiplied by: see ``Computed``."""

    constant: Constant
    shape: tuple[int, ...]
    axes: tuple[int, ...]


INPUT = Computed()
Fact = Constant | Computed


@dataclass(frozen=True)
class HiddenWeights:
    """What a forward pass multiplies its values by, beside the weights of known layers.

    Attributes:
        uncovered: Name of a tensor, or of the module that computes with it -> why no rule covers it.
        altered: Name of a known layer -> that something else than its stored weight is applied.
    """

    uncovered: dict[str, str]
    altered: dict[str, str]


def hidden_weights(model: nn.Module, x: Tensor) -> HiddenWeights:
    """Tensors that a network multiplies its values by and that are no weight of a layer that a rule covers.

    Constants that are added, such as biases and encodings of positions, or that scale values one by one, as a
    normalisation of inputs does, are no weights. Parameters of modules without a rule are the inventory's.

    Args:
        model: In evaluation mode; it stays as it is.
        x: A few examples as the network takes them.
    """
    try:
        watch = _Watch(model, x)
        with unfused_attention():
            output = watch.run(x)
    except Exception as error:  # whatever a user's forward does that cannot be watched
        reason = f"its operations cannot be watched: {type(error).__name__}"
        return HiddenWeights({FORWARD: reason}, {})
    if isinstance(output, Tensor) and not isinstance(watch.fact(output), Computed):
        watch.uncovered[FORWARD] = "its outputs are not made of its inputs by operations of PyTorch"
    return HiddenWeights(watch.uncovered, watch.altered)


class _Watch(OperationWatch[Fact]):
    """Follows which tensors depend on the inputs, and what the others are made of."""

    def __init__(self, model: nn.Module, x: Tensor):
        super().__init__(model, set())
        self.uncovered: dict[str, str] = {}
        self.altered: dict[str, str] = {}
        self._covered = dict(_weights_of_layers(model))
        self._parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
        self._vectors = set(_vectors(model))
        for name, tensor in _tensors(model):
            self.note(tensor, Constant(frozenset({name})))
        self.note(x, INPUT)

    def joined(self, before: Fact, now: Fact) -> Fact:
        if isinstance(before, Computed) or isinstance(now, Computed):
            return Computed(_scaled(before) | _scaled(now))
        return Constant(before.names | now.names, before.stored and now.stored)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = super().__torch_dispatch__(func, types, args, kwargs)
        operation = Operation(func.__name__.split(".")[0].removesuffix("_"), func, args, dict(kwargs or {}))
        if (not operation.tensors and operation.name not in RANDOM) or operation.name in SHAPES:
            for leaf in tree_leaves(result):
                if isinstance(leaf, Tensor) and self.fact(leaf) is None:
                    self.note(leaf, Constant(frozenset()))
        return result

    def after(self, operation: Operation) -> tuple[Any, Fact | None]:
        facts = [self.fact(tensor) for tensor in operation.tensors]
        result = operation()
        if not any(isinstance(fact, Computed) for fact in facts):
            known = [fact for fact in facts if isinstance(fact, Constant)]
            stored = operation.name in MOVES and all(fact.stored for fact in known)
            return result, Constant(frozenset().union(*(fact.names for fact in known)), stored)
        if any(isinstance(leaf, torch.ScriptObject) for leaf in tree_leaves([operation.args, dict(operation.options)])):
            name, module = self.module
            self.uncovered[name or FORWARD] = f"no rule for {type(module).__name__}: its weights are packed, quantised"
        for place, value in self._arguments(operation):
            self._judge(operation, place, value, result)
        if operation.name in REDUCTIONS:
            for scaling in facts[0].scaled if isinstance(facts[0], Computed) else ():
                if _sums_over(operation, scaling):
                    self._name(scaling.constant)
        return result, Computed(self._scalings(operation, facts, result))

    def _scalings(self, operation: Operation, facts: Sequence[Fact | None], result: Any) -> frozenset[Scaling]:
        """By what the result's values have been multiplied, where the operation is linear in each of them."""
        if operation.name not in KEEP_SCALES or not isinstance(result, Tensor):
            return frozenset()
        before = frozenset().union(*(_scaled(fact) for fact in facts))
        if operation.name not in ("mul", "div") or len(operation.tensors) != 2:
            return before
        shape = tuple(result.shape)
        return before | {
            Scaling(fact, shape, axes)
            for value, fact in zip(operation.tensors, facts, strict=True)
            if isinstance(fact, Constant) and (axes := _varying_axes(value, shape))
        }

    def _arguments(self, operation: Operation) -> Iterator[tuple[str, Tensor]]:
        """The tensors that an operation takes, each with the name of its argument."""
        names = [argument.name for argument in operation.function._schema.arguments]
        for place, value in (*zip(names, operation.args, strict=False), *operation.options.items()):
            yield from ((place, leaf) for leaf in tree_leaves(value) if isinstance(leaf, Tensor))

    def _judge(self, operation: Operation, place: str, value: Tensor, result: Any) -> None:
        """Records a constant that is a factor of what depends on the inputs."""
        fact = self.fact(value)
        if isinstance(fact, Computed) or value.numel() <= 1 or not self._is_factor(operation, place, value, result):
            return
        if not isinstance(fact, Constant):
            name, module = self.module
            reason = f"{type(module).__name__} computes with a tensor that is neither its parameter nor its buffer"
            self.uncovered.setdefault(name or FORWARD, reason)
            return
        self._name(fact)

    def _name(self, fact: Constant) -> None:
        """Records the tensors that a factor is made of."""
        for name in sorted(fact.names - self._vectors):
            if name in self._covered:
                if not fact.stored:
                    layer = self._covered[name] or name
                    self.altered[layer] = "what it applies is computed from the stored weight"
            elif name not in self._parameters:
                self.uncovered[name] = "a weight that is no parameter, which no rule covers"

    def _is_factor(self, operation: Operation, place: str, value: Tensor, result: Any) -> bool:
        name = operation.name
        if name in ADDITIVE | SCALES or place in NO_FACTORS or (name in SUMMAND_FIRST and place == "self"):
            return False
        if not value.is_floating_point() and not value.is_quantized and name not in CONTRACTIONS:
            return False
        if name in ELEMENTWISE:  # a product that is larger than what depends on the inputs is a linear map's first half
            largest = max(tensor.numel() for tensor in operation.tensors if isinstance(self.fact(tensor), Computed))
            return isinstance(result, Tensor) and result.numel() > largest
        return True


def _scaled(fact: Fact | None) -> frozenset[Scaling]:
    return fact.scaled if isinstance(fact, Computed) else frozenset()


def _varying_axes(value: Tensor, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of a product along which a factor takes several absolute values beside 0, as no mask or sign does."""
    if not value.is_floating_point() or value.numel() <= 1 or value.layout is not torch.strided:
        return ()
    size = value.detach().abs().expand(shape)
    least, most = size.masked_fill(size == 0, torch.inf), size
    return tuple(axis for axis in range(len(shape)) if bool((least.amin(axis) < most.amax(axis)).any()))


def _sums_over(operation: Operation, scaling: Scaling) -> bool:
    """Whether a sum goes over an axis along which a factor varies; any of them where the shape has changed since."""
    summed = operation.args[0]
    if tuple(summed.shape) != scaling.shape:
        return True
    if operation.name not in ("sum", "mean"):
        return any(axis >= 2 for axis in scaling.axes)
    given = operation.args[1] if len(operation.args) > 1 else operation.options.get("dim")
    axes = range(summed.ndim) if not given else [given] if isinstance(given, int) else given
    return not {axis % summed.ndim for axis in axes}.isdisjoint(scaling.axes)


def _weights_of_layers(model: nn.Module) -> Iterator[tuple[str, str]]:
    """Name of each weight that a rule covers, under all its names, and that of its module."""
    for prefix, module in model.named_modules(remove_duplicate=False):
        for linear_map in linear_maps(module):
            yield f"{prefix}.{linear_map.weight}".removeprefix("."), prefix


def _vectors(model: nn.Module) -> Iterator[str]:
    for prefix, module in model.named_modules(remove_duplicate=False):
        statistics = ("running_mean", "running_var") if has_running_statistics(module) else ()
        for name in (*vectors(module), *statistics):
            yield f"{prefix}.{name}".removeprefix(".")


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters, buffers, and tensors in plain attributes, lists and dicts of modules, by name; each memory once."""
    seen: set[int] = set()
    for prefix, module in model.named_modules():
        holders = (module._parameters, module._buffers, vars(module))
        for attribute, value in (item for holder in holders for item in holder.items()):
            if attribute in ("_parameters", "_buffers", "_modules"):
                continue
            for tensor in _leaves(value):
                if storage(tensor) not in seen:
                    seen.add(storage(tensor))
                    yield f"{prefix}.{attribute}".removeprefix("."), tensor


def _leaves(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]
