"""A network whose gates come from a frozen copy: linear in each of its weights, while those are trained."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from gengap.errors import InputError
from gengap.network.copies import duplicate

Gate = Callable[[Tensor], Tensor]
Arguments = dict[str, Any]
WITHOUT_GATES = "linear layers, convolutions, ReLU and its kin, pooling, sums, batch norm in evaluation mode"


class _Kind(NamedTuple):
    """A function with gates: the names of its arguments in their order, and what its gates are for given ones."""

    names: tuple[str, ...]
    gate: Callable[[Arguments], Gate]


def _rectifier(arguments: Arguments, low: float = 0.0) -> Gate:
    x = arguments["input"]
    factor = torch.full_like(x, low).masked_fill_(x > 0, 1.0)
    return lambda h: h * factor


def _absolute(arguments: Arguments) -> Gate:
    return _rectifier(arguments, -1.0)


def _leaky(arguments: Arguments) -> Gate:
    return _rectifier(arguments, float(arguments.get("negative_slope", 0.01)))


def _prelu(arguments: Arguments) -> Gate:
    """Each channel's slope is the frozen network's; below 0 outputs are no longer linear in its weights."""
    raise InputError(
        "The network computes PReLU, whose slopes are trained beside the gates.",
        expected=WITHOUT_GATES,
        next_step="nn.LeakyReLU with the slope that it has",
    )


def _clamp(arguments: Arguments) -> Gate:
    limits = [arguments.get("min"), arguments.get("max")]
    numbers = [limit.tolist() if isinstance(limit, Tensor) else limit for limit in limits]
    if numbers != [0, None]:
        low, high = ("none" if number is None else number for number in numbers)
        raise InputError(
            f"The network clamps at a minimum of {low} and a maximum of {high}.",
            expected="ReLU, leaky ReLU, absolute values and maxima; of clamps those at a minimum of 0 alone",
        )
    return _rectifier(arguments)


def _hardtanh(arguments: Arguments) -> Gate:
    return _clamp({"min": arguments.get("min_val", -1.0), "max": arguments.get("max_val", 1.0)})


def _relu6(arguments: Arguments) -> Gate:
    return _clamp({"min": 0, "max": 6})


def _pool(arguments: Arguments, axes: int) -> Gate:
    with_indices = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}[axes]
    _, index = with_indices(**arguments | {"return_indices": True})
    return _at(index, axes)


def _adaptive_pool(arguments: Arguments, axes: int) -> Gate:
    with_indices = {
        1: functional.adaptive_max_pool1d,
        2: functional.adaptive_max_pool2d,
        3: functional.adaptive_max_pool3d,
    }[axes]
    _, index = with_indices(arguments["input"], arguments["output_size"], return_indices=True)
    return _at(index, axes)


def _at(index: Tensor, axes: int) -> Gate:
    """Values at indices into the last axes."""
    return lambda h: h.flatten(-axes).gather(-1, index.flatten(-axes)).view(index.shape)


_INPUT = ("input", "inplace")
_RELU = (torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, functional.relu, functional.relu_)
_ABS = (torch.abs, torch.abs_, torch.absolute, Tensor.abs, Tensor.abs_, Tensor.absolute, Tensor.absolute_)
_LEAKY = (functional.leaky_relu, functional.leaky_relu_, torch._C._nn.leaky_relu, torch._C._nn.leaky_relu_)
_CLAMP = (
    *(torch.clamp, torch.clamp_, Tensor.clamp, Tensor.clamp_),
    *(torch.clip, torch.clip_, Tensor.clip, Tensor.clip_),
)
_CLAMP_MIN = (torch.clamp_min, torch.clamp_min_, Tensor.clamp_min, Tensor.clamp_min_)
_HARDTANH = (functional.hardtanh, functional.hardtanh_, torch._C._nn.hardtanh, torch._C._nn.hardtanh_)
_RELU6 = (functional.relu6, torch._C._nn.relu6, torch._C._nn.relu6_)
_POOL = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_POOLS = {
    **dict.fromkeys((torch.max_pool1d, functional.max_pool1d), 1),
    **dict.fromkeys((torch.max_pool2d, functional.max_pool2d), 2),
    **dict.fromkeys((torch.max_pool3d, functional.max_pool3d), 3),
}
_ADAPTIVE = ("input", "output_size", "return_indices")
_ADAPTIVE_POOLS = {
    functional.adaptive_max_pool1d: 1,
    functional.adaptive_max_pool2d: 2,
    functional.adaptive_max_pool3d: 3,
}
_PRELU = (torch.prelu, functional.prelu, Tensor.prelu)
GATES: dict[Any, _Kind] = {
    **dict.fromkeys(_RELU, _Kind(_INPUT, _rectifier)),
    **dict.fromkeys(_ABS, _Kind(_INPUT, _absolute)),
    **dict.fromkeys(_LEAKY, _Kind(("input", "negative_slope", "inplace"), _leaky)),
    **dict.fromkeys(_CLAMP, _Kind(("input", "min", "max"), _clamp)),
    **dict.fromkeys(_CLAMP_MIN, _Kind(("input", "min"), _clamp)),
    **dict.fromkeys(_HARDTANH, _Kind(("input", "min_val", "max_val", "inplace"), _hardtanh)),
    **dict.fromkeys(_RELU6, _Kind(_INPUT, _relu6)),
    **{function: _Kind(_POOL, partial(_pool, axes=axes)) for function, axes in _POOLS.items()},
    **{f: _Kind(_ADAPTIVE, partial(_adaptive_pool, axes=axes)) for f, axes in _ADAPTIVE_POOLS.items()},
    **dict.fromkeys(_PRELU, _Kind(("input", "weight"), _prelu)),
}


class _Gated(TorchFunctionMode):
    """A forward pass in which gates are taken out of the functions that have them."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kind = GATES.get(func)
        if kind is None:
            return func(*args, **(kwargs or {}))
        arguments = dict(zip(kind.names, args, strict=False)) | (kwargs or {})
        if arguments.get("out") is not None:
            raise InputError(
                f"The network computes {func.__name__!r} with out=.", expected="its result as a tensor of its own"
            )
        x = arguments["input"]
        result = self.gate(func, kind, arguments)(x)
        in_place = func.__name__.endswith("_") or arguments.get("inplace")
        return x.copy_(result) if in_place else result

    def gate(self, func: Any, kind: _Kind, arguments: Arguments) -> Gate:
        """The gate of this call."""
        raise NotImplementedError


class _Recorded(_Gated):
    """Notes every gate of a forward pass, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: list[tuple[Any, Gate]] = []

    def gate(self, func: Any, kind: _Kind, arguments: Arguments) -> Gate:
        """That of the pass itself."""
        gate = kind.gate(arguments)
        self.gates.append((func, gate))
        return gate


class _Replayed(_Gated):
    """Takes the gates of another pass in the place of its own."""

    def __init__(self, gates: list[tuple[Any, Gate]]):
        super().__init__()
        self.gates: Iterator[tuple[Any, Gate]] = iter(gates)

    def gate(self, func: Any, kind: _Kind, arguments: Arguments) -> Gate:
        """The next of the other pass."""
        recorded, gate = next(self.gates, (None, None))
        if gate is None or recorded is not func:
            raise _another_way()
        return gate


class GatedNetwork(nn.Module):
    r"""A network that takes the signs of its ReLUs and the places of its maxima from a frozen copy of itself.

    With fixed gates, outputs are :math:`z(x)^T \bar w`: features z that do not change while the weights are trained.
    The frozen copy is in evaluation mode, and so is the other one: the statistics of its batch norms are frozen too,
    without which the features would change, and dropout is off. Scales and offsets of batch norms are trained.

    Args:
        model: The network whose gates are frozen, as it is now; training starts from its weights. It stays as it is.
        x: A few examples, by which it is checked that gates are all that is not affine.

    Attributes:
        frozen: The copy that has the gates.
        network: The one whose weights are trained.

    Raises:
        InputError: Taking out its gates changes what the network computes, or with its gates frozen it is not affine
            in its input: it squashes, normalises or multiplies activations.
    """

    def __init__(self, model: nn.Module, x: Tensor):
        super().__init__()
        self.frozen, self.network = duplicate(model).requires_grad_(False), duplicate(model)
        self.train(model.training)
        _check_gates(duplicate(model).eval().cpu().double(), x.detach().cpu().double())

    def train(self, mode: bool = True) -> "GatedNetwork":
        """Marks the module as training; both copies stay in evaluation mode."""
        super().train(mode)
        self.frozen.eval()
        self.network.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Scores ``[B, C]``."""
        with torch.no_grad(), _Recorded() as recorded:
            self.frozen(x.clone())
        return _replayed(self.network, x.clone(), recorded.gates)


STEPS = (1.0, 1e3, 1e6, 1e9)  # times the largest input: limits that inputs stay clear of are found by larger ones
ROUNDING = 1e-9


@torch.no_grad()
def _check_gates(model: nn.Module, x: Tensor) -> None:
    """Whether gates leave the outputs as they are, and f(x + d) + f(x - d) = 2 f(x) with the gates of x."""
    plain = model(x.clone())
    with _Recorded() as recorded:
        middle = model(x.clone())
    if not bool(plain.isfinite().all()):  # after a training that diverged, say: nothing can be compared
        return
    if float((middle - plain).abs().max()) > ROUNDING * float(plain.abs().max()):
        names = sorted({func.__name__ for func, _ in recorded.gates})
        raise InputError(
            f"With the gates of {', '.join(names) or 'no function'} taken out, the network gives other outputs.",
            expected=WITHOUT_GATES,
            next_step="use modules such as nn.ReLU, and nothing random",
        )
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=x.dtype) * x.abs().max()
    for size in STEPS:
        above, below = (_replayed(model, x + sign * size * direction, recorded.gates) for sign in (1, -1))
        largest = torch.stack([above, below, middle]).abs().max()
        if not float((above + below - 2 * middle).abs().max()) <= ROUNDING * float(largest):
            raise InputError(
                f"With its gates frozen, the network is not affine in its input{_not_affine(model, x)}.",
                expected=WITHOUT_GATES,
                next_step="put a layer of these in its place",
            )


def _not_affine(model: nn.Module, x: Tensor) -> str:
    """The first layer without layers inside that is not affine in its input with its gates frozen; empty for none."""
    inputs: dict[str, tuple[nn.Module, Tensor]] = {}

    def hook(name: str) -> Callable[..., None]:
        def note(module: nn.Module, given: Any) -> None:
            if given and isinstance(given[0], Tensor) and given[0].is_floating_point():
                inputs.setdefault(name, (module, given[0].clone()))

        return note

    leaves = [(name, part) for name, part in model.named_modules() if name and not any(part.children())]
    handles = [part.register_forward_pre_hook(hook(name)) for name, part in leaves]
    try:
        model(x.clone())
    finally:
        for handle in handles:
            handle.remove()
    for name, (part, given) in inputs.items():
        if not _affine(part, given):
            return f": {name} ({type(part).__name__}) is not"
    return ""


def _affine(layer: nn.Module, x: Tensor) -> bool:
    with _Recorded() as recorded:
        middle = layer(x.clone())
    if not isinstance(middle, Tensor):  # such as a recurrent layer's outputs and states
        return False
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=x.dtype) * x.abs().max()
    above, below = (_replayed(layer, x + sign * direction, recorded.gates) for sign in (1, -1))
    largest = torch.stack([above, below, middle]).abs().max()
    return bool((above + below - 2 * middle).abs().max() <= ROUNDING * largest)


def _replayed(model: nn.Module, x: Tensor, gates: list[tuple[Any, Gate]]) -> Tensor:
    with _Replayed(gates) as replayed:
        outputs: Tensor = model(x)
    if next(replayed.gates, None) is not None:
        raise _another_way()
    return outputs


def _another_way() -> InputError:
    return InputError(
        "The network calls other operations when its weights or inputs change.",
        expected="the same operations in the same order, so that each finds its frozen gates",
        next_step="leave out branches on values of activations in forward()",
    )
