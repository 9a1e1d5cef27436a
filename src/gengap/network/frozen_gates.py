"""A network whose gates come from a frozen copy: linear in each of its weights, while those are trained."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from gengap.errors import InputError
from gengap.network.copies import duplicate

Gate = Callable[[Tensor], Tensor]


def _slope(x: Tensor, low: float) -> Gate:
    factor = torch.full_like(x, low).masked_fill_(x > 0, 1.0)
    return lambda h: h * factor


def _rectifier(args: tuple[Any, ...], options: dict[str, Any], low: float) -> tuple[Tensor, Gate]:
    return args[0], _slope(args[0], low)


def _leaky(args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Tensor, Gate]:
    slope = args[1] if len(args) > 1 else options.get("negative_slope", 0.01)
    return _rectifier(args, options, float(slope))


def _minimum_zero(args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Tensor, Gate]:
    limits = [*args[1:], *(value for name, value in options.items() if name in ("min", "max"))]
    if [limit for limit in limits if limit is not None] != [0]:
        raise InputError(f"The network clamps at {limits}.", expected="ReLU, leaky ReLU, absolute values and maxima")
    return _rectifier(args, options, 0.0)


def _pool(args: tuple[Any, ...], options: dict[str, Any], axes: int) -> tuple[Tensor, Gate]:
    with_indices = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}[axes]
    x, *rest = args
    options = {name: value for name, value in options.items() if name != "return_indices"}
    _, index = with_indices(x, *rest[:5], **options, return_indices=True)

    def chosen(h: Tensor) -> Tensor:
        return h.flatten(-axes).gather(-1, index.flatten(-axes)).view(index.shape)

    return x, chosen


_RELU = (torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, functional.relu, functional.relu_)
_LEAKY = (functional.leaky_relu, functional.leaky_relu_, torch._C._nn.leaky_relu, torch._C._nn.leaky_relu_)
_ABS = (torch.abs, torch.abs_, Tensor.abs, Tensor.abs_)
_CLAMP = (torch.clamp, torch.clamp_, Tensor.clamp, Tensor.clamp_, torch.clamp_min, Tensor.clamp_min)
_POOLS = {
    **dict.fromkeys((torch.max_pool1d, functional.max_pool1d), 1),
    **dict.fromkeys((torch.max_pool2d, functional.max_pool2d), 2),
    **dict.fromkeys((torch.max_pool3d, functional.max_pool3d), 3),
}
GATES: dict[Any, Callable[..., tuple[Tensor, Gate]]] = {
    **dict.fromkeys(_RELU, lambda args, options: _rectifier(args, options, 0.0)),
    **dict.fromkeys(_ABS, lambda args, options: _rectifier(args, options, -1.0)),
    **dict.fromkeys(_LEAKY, _leaky),
    **dict.fromkeys(_CLAMP, _minimum_zero),
    **{function: lambda args, options, axes=axes: _pool(args, options, axes) for function, axes in _POOLS.items()},
}


class _Recorded(TorchFunctionMode):
    """Notes every gate of a forward pass, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: list[Gate] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func not in GATES:
            return func(*args, **(kwargs or {}))
        x, gate = GATES[func](args, kwargs or {})
        self.gates.append(gate)
        return gate(x)


class _Replayed(TorchFunctionMode):
    """Takes the gates of another pass in the place of its own."""

    def __init__(self, gates: list[Gate]):
        super().__init__()
        self.gates: Iterator[Gate] = iter(gates)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return next(self.gates)(args[0]) if func in GATES else func(*args, **(kwargs or {}))


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
        InputError: With its gates frozen the network is not affine in its input: it squashes, normalises or multiplies
            activations.
    """

    def __init__(self, model: nn.Module, x: Tensor):
        super().__init__()
        self.frozen, self.network = duplicate(model).requires_grad_(False), duplicate(model)
        self.train(model.training)
        _check_affine(duplicate(model).eval().cpu().double(), x.detach().cpu().double())

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
        with _Replayed(recorded.gates):
            scores: Tensor = self.network(x.clone())
        return scores


@torch.no_grad()
def _check_affine(model: nn.Module, x: Tensor) -> None:
    """Whether f(x + d) + f(x - d) = 2 f(x) with the gates of x."""
    with _Recorded() as recorded:
        middle = model(x.clone())
    step = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=x.dtype) * x.abs().max()
    with _Replayed(recorded.gates):
        above = model(x + step)
    with _Replayed(recorded.gates):
        below = model(x - step)
    size = torch.stack([above, below, middle]).abs().max()
    if float((above + below - 2 * middle).abs().max()) > 1e-9 * float(size):
        raise InputError(
            "With its gates frozen, the network is not affine in its input.",
            expected="linear layers, convolutions, ReLU and its kin, pooling, sums, batch norm in evaluation mode",
            next_step="gengap probe paths names the operation",
        )
