"""Watching a forward pass for the operations that apply a parameter: what enters them, and where gradients arrive."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from gengap.network.gradients.row_moves import depends_on_values

# Operation -> its name and the names of its positional arguments.
_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSED = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
OPERATIONS: dict[Any, tuple[str, tuple[str, ...]]] = {
    functional.linear: ("linear", ("input", "weight", "bias")),
    functional.conv1d: ("conv", _CONV),
    functional.conv2d: ("conv", _CONV),
    functional.conv3d: ("conv", _CONV),
    functional.conv_transpose1d: ("conv_transpose", _TRANSPOSED),
    functional.conv_transpose2d: ("conv_transpose", _TRANSPOSED),
    functional.conv_transpose3d: ("conv_transpose", _TRANSPOSED),
    functional.embedding: (
        "embedding",
        ("input", "weight", "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse"),
    ),
    functional.layer_norm: ("layer_norm", ("input", "normalized_shape", "weight", "bias", "eps")),
    functional.rms_norm: ("rms_norm", ("input", "normalized_shape", "weight", "eps")),
    functional.group_norm: ("group_norm", ("input", "num_groups", "weight", "bias", "eps")),
    functional.batch_norm: (
        "batch_norm",
        ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
    ),
    functional.instance_norm: (
        "instance_norm",
        ("input", "running_mean", "running_var", "weight", "bias", "use_input_stats", "momentum", "eps"),
    ),
    functional.prelu: ("prelu", ("input", "weight")),
}
DEFAULTS: Mapping[str, Any] = {
    "bias": None,
    "stride": 1,
    "padding": 0,
    "dilation": 1,
    "groups": 1,
    "output_padding": 0,
    "eps": 1e-5,
    "padding_idx": None,
    "max_norm": None,
    "scale_grad_by_freq": False,
    "training": False,
    "use_input_stats": True,
    "running_mean": None,
    "running_var": None,
    "weight": None,
}


@dataclass(frozen=True)
class Target:
    """A parameter, or some of its rows, that an operation applies.

    Attributes:
        name: The parameter's name in the network.
        start, stop: Its rows along the first axis.
    """

    name: str
    start: int
    stop: int


@dataclass
class Call:
    """One operation of a forward pass that applies a parameter.

    Attributes:
        kind: Name of the operation, such as ``linear``.
        arguments: Its arguments by name, detached where they are tensors.
        weight, bias: The parameters that it applies; None for none that asks for a gradient.
        shape: Shape of its output.
        edge: Where the gradient with respect to the output arrives.
        time_first: Whether it ran inside PyTorch's attention, which puts positions before examples.
        version: Of the input when the operation read it: another one later shows that it was overwritten.
    """

    kind: str
    arguments: dict[str, Any]
    weight: Target | None
    bias: Target | None
    shape: tuple[int, ...]
    edge: GradientEdge
    time_first: bool
    version: int

    @property
    def signature(self) -> tuple[Any, ...]:
        """What stays the same from batch to batch."""
        return (self.kind, self.weight, self.bias)

    @property
    def x(self) -> Tensor:
        """The operation's input."""
        x: Tensor = self.arguments["input"]
        return x


class Watch(TorchFunctionMode):
    """Records, while it is entered, every operation of ``OPERATIONS`` that applies one of the parameters.

    A parameter is known by its identity or as a block of rows of it, so that weights that are shared, tied or used by
    a function instead of a module are seen like any other. Weights computed from a parameter are not.

    A recorded operation is given a stand-in with the parameter's values. The graph of the network's output then
    contains the parameter itself only if it is used in some other way too, whatever its gradient there may be.

    Attributes:
        calls: What was recorded, in order.
        stand_ins: The leaf that takes the place of each parameter.
        moves_rows: Whether a function ran that may move the rows of a batch to places that depend on values.

    Args:
        parameters: By name; all ask for a gradient.
    """

    def __init__(self, parameters: Mapping[str, Tensor]):
        super().__init__()
        self._names = {id(p): name for name, p in parameters.items()}
        self._inside_attention = False
        self.calls: list[Call] = []
        self.stand_ins: dict[Target, Tensor] = {}
        self.moves_rows = False

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs one operation, and records it."""
        kwargs = kwargs or {}
        if func is functional.multi_head_attention_forward:
            return self._attention(func, args, kwargs)
        if func not in OPERATIONS:
            self.moves_rows |= depends_on_values(func, args)
            return func(*args, **kwargs)
        kind, names = OPERATIONS[func]
        given = dict(zip(names, args, strict=False)) | kwargs
        weight, bias = (self._target(given.get(which)) for which in ("weight", "bias"))
        version = given["input"]._version
        targets = {"weight": weight, "bias": bias}
        args = tuple(self._stand_in(targets.get(name), value) for name, value in zip(names, args, strict=False))
        kwargs = {name: self._stand_in(targets.get(name), value) for name, value in kwargs.items()}
        out = func(*args, **kwargs)
        if (weight or bias) and isinstance(out, Tensor) and out.requires_grad:
            defaults = {**DEFAULTS, "eps": None} if kind == "rms_norm" else DEFAULTS
            arguments = {**defaults, **{name: _detached(value) for name, value in given.items()}}
            shape, edge = tuple(out.shape), get_gradient_edge(out)
            self.calls.append(Call(kind, arguments, weight, bias, shape, edge, self._inside_attention, version))
        return out

    def _attention(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        before, self._inside_attention = self._inside_attention, True
        try:
            with self:
                # Inside, has_torch_function would lead here again; the function's body is what has to be watched.
                return _BODY(*args, **kwargs)
        finally:
            self._inside_attention = before

    def _stand_in(self, target: Target | None, value: Any) -> Any:
        """The leaf that takes a parameter's place, the same for all its uses; any other value as it is."""
        if target is None:
            return value
        if target not in self.stand_ins:
            self.stand_ins[target] = value.detach().requires_grad_()
        return self.stand_ins[target]

    def _target(self, value: Any) -> Target | None:
        if not isinstance(value, Tensor):
            return None
        if id(value) in self._names:
            return Target(self._names[id(value)], 0, len(value) if value.ndim else 1)
        base = value._base
        if base is None or id(base) not in self._names or not base.is_contiguous():
            return None
        same = value.stride() == base.stride() and value.shape[1:] == base.shape[1:]
        start = value.storage_offset() - base.storage_offset()
        if not same or start % base.stride(0):
            return None
        first = start // base.stride(0)
        return Target(self._names[id(base)], first, first + len(value))


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _body(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function without its first step, which hands it to whoever overrides it."""
    import types

    own = dict(function.__globals__)
    own["has_torch_function"] = lambda _: False
    plain = types.FunctionType(function.__code__, own, function.__name__, function.__defaults__, function.__closure__)
    plain.__kwdefaults__ = function.__kwdefaults__
    return plain


_BODY = _body(functional.multi_head_attention_forward)


def watched(network: Callable[[Tensor], Any], x: Tensor, parameters: Mapping[str, Tensor]) -> tuple[Any, Watch]:
    """What a network returns for a batch, and the watch that recorded its calls."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    watch = Watch(parameters)
    try:
        with torch.enable_grad(), watch:
            out = network(x)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return out, watch


def reached(value: Tensor, parameters: Mapping[str, Tensor]) -> list[str]:
    """Names of the parameters that the graph of a tensor contains, in their order."""
    leaves: set[int] = set()
    seen: set[Any] = set()
    nodes = [value.grad_fn]
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            leaves.add(id(node.variable))
        nodes += [parent for parent, _ in node.next_functions]
    return [name for name, p in parameters.items() if id(p) in leaves]
