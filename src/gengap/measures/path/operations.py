"""One pass through a network of nonnegative weights, watched: does every operation add up paths?"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# What PyTorch breaks a network down to; a name ending in _ is that operation in place.
# fmt: off
MOVES = {
    "view", "_unsafe_view", "reshape", "_reshape_alias", "t", "transpose", "permute", "expand", "clone", "alias",
    "detach", "copy", "_to_copy", "slice", "select", "narrow", "squeeze", "unsqueeze", "split", "split_with_sizes",
    "unbind", "diagonal", "unfold", "im2col", "repeat", "flip", "roll", "index", "index_select", "gather", "cat",
    "stack", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "replication_pad1d",
    "replication_pad2d", "replication_pad3d", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle",
    "native_channel_shuffle", "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "tril", "triu",
}
SUMS = {
    "add", "sum", "mean", "cumsum", "col2im", "avg_pool1d", "avg_pool2d", "avg_pool3d", "_adaptive_avg_pool2d",
    "_adaptive_avg_pool3d", "upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d",
}
PRODUCTS = {"mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "dot", "mul", "div", "convolution"}
RECTIFIERS = {  # the identity where inputs are nonnegative, or a constant times it, or a maximum
    "relu", "leaky_relu", "rrelu_with_noise", "_prelu_kernel", "threshold", "clamp", "clamp_min", "abs", "elu", "celu",
    "maximum", "amax", "max", "max_pool2d_with_indices", "max_pool3d_with_indices", "adaptive_max_pool2d",
    "adaptive_max_pool3d",
}
# fmt: on
DIFFERENCES = {"sub", "rsub", "neg"}
KNOWN = MOVES | SUMS | PRODUCTS | RECTIFIERS | DIFFERENCES
WITH_CONSTANTS = SUMS | PRODUCTS | {"cat", "stack", "copy"}  # these put constants beside what depends on the input
WITH_NUMBERS = {"add", "mul", "div"}  # these may do so with a Python number
SHAPES = {"zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty"}

CONSTANT, WEIGHTS, SIGNAL = range(3)  # what a tensor depends on: nothing, parameters alone, the input


def watched(model: nn.Module, x: Tensor) -> tuple[Tensor, dict[str, str]]:
    """The network's outputs, and name of a module -> why an operation in it does not add up paths.

    Sums, rearrangements, maxima and products of at most one factor that depends on the input turn sums over paths
    into sums over paths, as long as constants are not negative: the outputs are then a polynomial in the parameters
    with nonnegative coefficients. What is a difference may cancel paths; what is made of parameters by anything but
    sums and products is no weight of a path. The name is empty for what the network itself computes.

    Args:
        model: All its parameters are nonnegative; it keeps hooks of the watch.
        x: A batch of inputs, nonnegative.
    """
    watch = _Watch(model, x)
    with torch.no_grad(), watch:
        outputs: Tensor = model(x)
    return outputs, watch.refused


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Follows what tensors depend on: by their storage, which views share and operations in place keep."""

    def __init__(self, model: nn.Module, x: Tensor):
        super().__init__()  # type: ignore[no-untyped-call]
        self.refused: dict[str, str] = {}
        self._path = [""]  # names of the modules that are running
        self._known: dict[int, tuple[Tensor, int]] = {}  # holds the tensors, so that a storage's number stays its own
        for parameter in model.parameters():
            self._note(parameter, WEIGHTS)
        self._note(x, SIGNAL)
        for name, module in model.named_modules():
            module.register_forward_pre_hook(self._entering(name))
            module.register_forward_hook(self._leaving)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        depends = max((self._depends(leaf) for leaf in tree_leaves([args, options])), default=CONSTANT)
        name = func.__name__.split(".")[0].removesuffix("_")
        if depends == CONSTANT or name in SHAPES:
            return func(*args, **options)
        if name not in KNOWN:
            with self:  # in inference mode PyTorch leaves breaking it down to us
                parts = func.decompose(*args, **options)
            if parts is not NotImplemented:
                return parts
        objection = self._objection(name, args, options, depends)
        if objection:
            self.refused.setdefault(self._path[-1], objection)
        result = func(*args, **options)
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._note(leaf, depends)
        return result

    def _objection(self, name: str, args: tuple[Any, ...], options: Mapping[str, Any], depends: int) -> str:
        if name in DIFFERENCES or any(_is_negative(option) for option in options.values()):
            return f"computes {name!r}, a difference, in which paths cancel"
        if name in WITH_CONSTANTS and self._has_negative_constant(name, args):
            return f"computes {name!r} with constants of which some are negative"
        if name in PRODUCTS:
            return self._objection_to_factors(name, args[1:3] if name in ("addmm", "baddbmm", "addmv") else args[:2])
        if name in RECTIFIERS and depends == WEIGHTS:
            return f"computes {name!r} of parameters alone, which depends on their signs"
        return "" if name in KNOWN else f"computes {name!r}, which is not known to add up paths"

    def _objection_to_factors(self, name: str, factors: tuple[Any, ...]) -> str:
        depends = [self._depends(factor) for factor in factors]
        if depends.count(SIGNAL) > 1:
            return f"multiplies two quantities that both depend on the input ({name!r})"
        if name == "div" and depends[1] != CONSTANT:
            return "divides by what depends on the input or on parameters"
        return ""

    def _has_negative_constant(self, name: str, args: tuple[Any, ...]) -> bool:
        tensors = [leaf for leaf in tree_leaves(args) if isinstance(leaf, Tensor) and self._depends(leaf) == CONSTANT]
        numbers = [arg for arg in args if not isinstance(arg, Tensor)] if name in WITH_NUMBERS else []
        return any(map(_is_negative, (*tensors, *numbers)))

    def _depends(self, value: Any) -> int:
        known = self._known.get(_storage(value)) if isinstance(value, Tensor) else None
        return known[1] if known else CONSTANT

    def _note(self, tensor: Tensor, depends: int) -> None:
        self._known[_storage(tensor)] = (tensor, max(depends, self._depends(tensor)))

    def _entering(self, name: str) -> Callable[..., None]:
        return lambda module, inputs: self._path.append(name)

    def _leaving(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._path.pop()


def _storage(tensor: Tensor) -> int:
    number: int = tensor.untyped_storage()._cdata
    return number


def _is_negative(value: Any) -> bool:
    if isinstance(value, Tensor):
        return bool((value < 0).any())
    return isinstance(value, int | float) and value < 0
