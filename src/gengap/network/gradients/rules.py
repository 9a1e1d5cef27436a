"""From an operation, its input and the gradient at its output to the gradients of examples: one rule an operation."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

from torch import Tensor
from torch.nn import functional

from gengap.network.gradients.calls import Call
from gengap.network.gradients.terms import Outer, Rows, Term, Whole

# Where the examples of a batch are in a tensor: along an axis, or along the first one together with other places,
# examples outside ("examples first") or inside.
Layout = int | Literal["examples first", "places first"]


class NoRuleError(Exception):
    """A call that no rule covers, with the reason, and the names of its parameters where they are known."""

    def __init__(self, reason: str, names: tuple[str, ...] = ()):
        super().__init__(reason)
        self.names = names


def weight_term(call: Call, g: Tensor, N: int, layout: Layout) -> Term:
    """The gradients of N examples with respect to the weight of a call.

    Args:
        call: What was applied to what.
        g: Gradient of the summed losses with respect to the call's output, in its shape.
        N: Number of examples.
        layout: Where the examples are in input and output.

    Raises:
        NoRuleError: An option of the operation that its rule does not cover.
    """
    return _WEIGHTS[call.kind](call, g, N, layout)


def bias_term(call: Call, g: Tensor, N: int, layout: Layout) -> Term:
    """The gradients of N examples with respect to the bias of a call."""
    if call.kind == "linear":
        _check_matrix(call)
        return Whole(_by_example(g, N, layout).sum(1))
    if call.kind == "layer_norm":
        return Whole(_by_vector(g, N, layout, call))
    return Whole(_by_channel(g, N, layout))


def _by_example(x: Tensor, N: int, layout: Layout) -> Tensor:
    """``[N, T, ...]``, whatever the layout, with the last axis (or those after the rows) untouched."""
    if layout == "places first":
        return x.reshape(-1, N, *x.shape[1:]).transpose(0, 1).reshape(N, -1, x.shape[-1])
    if layout == "examples first":
        return x.reshape(N, -1, x.shape[-1])
    return x.movedim(layout, 0).reshape(N, -1, x.shape[-1])


def _first(x: Tensor, N: int, layout: Layout) -> Tensor:
    """``[N, T, ...]`` for an operation whose first axis holds rows: images, say, or the frames of films."""
    if layout == "places first":
        return x.reshape(-1, N, *x.shape[1:]).transpose(0, 1)
    if layout == "examples first":
        return x.reshape(N, -1, *x.shape[1:])
    if layout != 0:
        raise NoRuleError("the examples are not along the first axis")
    return x[:, None]


def rows_of_examples(x: Tensor, N: int, layout: Layout) -> Tensor:
    """``[N, D]``: what belongs to each example in a tensor whose first axes are those of a call's input.

    Raises:
        NoRuleError: It has other examples than N, because the network applies the operation to some of them only.
    """
    if layout == "places first" and len(x) % N == 0:
        return x.reshape(-1, N, math.prod(x.shape[1:])).transpose(0, 1).flatten(1)
    if layout == "examples first" and len(x) % N == 0:
        return x.reshape(N, -1) if x.numel() else x.new_zeros(N, 0)
    if isinstance(layout, int) and layout < x.ndim and x.shape[layout] == N:
        return x.movedim(layout, 0).flatten(1) if x.ndim > 1 else x[:, None]
    raise NoRuleError("the network applies it to other rows than one or more for each example")


def _check_matrix(call: Call) -> None:
    if call.arguments["weight"].ndim != 2:
        raise NoRuleError("a linear map whose weight is a vector")


def _linear(call: Call, g: Tensor, N: int, layout: Layout) -> Term:
    _check_matrix(call)
    left, right = _by_example(g, N, layout), _by_example(call.x, N, layout)
    return Outer(left[:, None], right[:, None])


def _embedding(call: Call, g: Tensor, N: int, layout: Layout) -> Term:
    if call.arguments["scale_grad_by_freq"] or call.arguments["max_norm"] is not None:
        raise NoRuleError("an embedding with scale_grad_by_freq or max_norm")
    values = _by_example(g, N, layout)
    index = _by_example(call.x[..., None], N, layout).squeeze(-1)
    padding = call.arguments["padding_idx"]
    if padding is not None:
        padding = padding % len(call.arguments["weight"])
        values = values * (index != padding)[..., None]
    return Rows(index, values)


def _convolution(call: Call, g: Tensor, N: int, layout: Layout) -> Term:
    weight, groups = call.arguments["weight"], call.arguments["groups"]
    dims = weight.ndim - 2
    x = _padded(call.x, call.arguments, dims)
    windows = _windows(x, tuple(weight.shape[2:]), call.arguments, dims)
    return _grouped(g, windows, groups, N, layout, tuple(g.shape[2:]))


def _transposed(call: Call, g: Tensor, N: int, layout: Layout) -> Term:
    """The gradient of a transposed convolution is that of a convolution from its output's gradient to its input."""
    weight, groups = call.arguments["weight"], call.arguments["groups"]
    dims = weight.ndim - 2
    padding = _tuple(call.arguments["padding"], dims)
    wide = functional.pad(g, [p for size in reversed(padding) for p in (size, size)])
    windows = _windows(wide, tuple(weight.shape[2:]), call.arguments, dims)
    for axis, size in enumerate(call.x.shape[2:]):  # output_padding may leave room for one more
        windows = windows.narrow(2 + axis, 0, size)
    return _grouped(call.x, windows, groups, N, layout, tuple(call.x.shape[2:]))


def _grouped(left: Tensor, windows: Tensor, groups: int, N: int, layout: Layout, places: Sequence[int]) -> Term:
    """``left`` ``[B, p, *places]`` and windows ``[B, q, *places, *kernel]`` as outer products by group."""
    dims, T = len(places), math.prod(places)
    q = windows.shape[1] // groups
    kernel = math.prod(windows.shape[2 + dims :])
    a = left.reshape(len(left), groups, -1, T)
    # [B, G, q, *kernel, *places]: contiguous copies run over the places, which are the longest
    order = (0, 1, *range(2 + dims, 2 + 2 * dims), *range(2, 2 + dims))
    b = windows.permute(order).reshape(len(windows), groups, q * kernel, T)
    a, b = (_first(part, N, layout).movedim(1, 3).flatten(3, 4) for part in (a, b))
    return Outer(a.transpose(-1, -2), b.transpose(-1, -2))


def _padded(x: Tensor, arguments: dict[str, Any], dims: int) -> Tensor:
    padding = arguments["padding"]
    if padding == "valid":
        return x
    if padding == "same":
        kernel, dilation = arguments["weight"].shape[2:], _tuple(arguments["dilation"], dims)
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        sides = [(t // 2, t - t // 2) for t in total]
    else:
        sides = [(p, p) for p in _tuple(padding, dims)]
    if not any(max(side) for side in sides):
        return x
    return functional.pad(x, [p for side in reversed(sides) for p in side])


def _windows(x: Tensor, kernel: Sequence[int], arguments: dict[str, Any], dims: int) -> Tensor:
    """Every window that a kernel covers, ``[B, C, *places, *kernel]``, as a view."""
    stride, dilation = (_tuple(arguments[name], dims) for name in ("stride", "dilation"))
    for axis in range(dims):
        x = x.unfold(2 + axis, dilation[axis] * (kernel[axis] - 1) + 1, stride[axis])
        x = x[..., :: dilation[axis]]
    return x


def _tuple(value: Any, dims: int) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * dims
    return tuple(value) * (dims if len(value) == 1 else 1)


def _layer_norm(call: Call, g: Tensor, N: int, layout: Layout) -> Term:
    shape = tuple(call.arguments["normalized_shape"])
    if call.kind == "rms_norm":
        normal = functional.rms_norm(call.x, list(shape), None, call.arguments["eps"])
    else:
        normal = functional.layer_norm(call.x, shape, None, None, call.arguments["eps"])
    return Whole(_by_vector(g * normal, N, layout, call))


def _by_vector(products: Tensor, N: int, layout: Layout, call: Call) -> Tensor:
    """Summed over everything but the examples and the normalised axes: ``[N, D]``."""
    flat = products.flatten(products.ndim - len(call.arguments["normalized_shape"]))
    return _by_example(flat, N, layout).sum(1)


def _channels(normalised: Callable[[Call], Tensor]) -> Callable[[Call, Tensor, int, Layout], Term]:
    def rule(call: Call, g: Tensor, N: int, layout: Layout) -> Term:
        return Whole(_by_channel(g * normalised(call), N, layout))

    return rule


def _by_channel(products: Tensor, N: int, layout: Layout) -> Tensor:
    """Summed over everything but the examples and the channels, along axis 1: ``[N, C]``."""
    rows = products.flatten(2).sum(2) if products.ndim > 2 else products
    return _first(rows, N, layout).sum(1)


def _group_normal(call: Call) -> Tensor:
    return functional.group_norm(call.x, call.arguments["num_groups"], None, None, call.arguments["eps"])


def _batch_normal(call: Call) -> Tensor:
    given = call.arguments
    if given["training"] or given["running_mean"] is None:
        raise NoRuleError("batch norm that depends on the rest of the batch")
    return functional.batch_norm(
        call.x, given["running_mean"], given["running_var"], None, None, False, 0.0, given["eps"]
    )


def _instance_normal(call: Call) -> Tensor:
    given = call.arguments
    if given["use_input_stats"]:
        return functional.instance_norm(call.x, eps=given["eps"])
    return _batch_normal(Call(**(vars(call) | {"arguments": given | {"training": False}})))


def _prelu(call: Call, g: Tensor, N: int, layout: Layout) -> Term:
    values = _by_channel(g * call.x.clamp(max=0), N, layout)
    return Whole(values.sum(1, keepdim=True) if call.arguments["weight"].numel() == 1 else values)


_WEIGHTS: dict[str, Callable[[Call, Tensor, int, Layout], Term]] = {
    "linear": _linear,
    "conv": _convolution,
    "conv_transpose": _transposed,
    "embedding": _embedding,
    "layer_norm": _layer_norm,
    "rms_norm": _layer_norm,
    "group_norm": _channels(_group_normal),
    "batch_norm": _channels(_batch_normal),
    "instance_norm": _channels(_instance_normal),
    "prelu": _prelu,
}


def layouts(shapes: tuple[tuple[int, ...], tuple[int, ...]], counts: tuple[int, int]) -> list[Layout]:
    """Where the examples can be in a tensor of which batches of two sizes gave two shapes; the likeliest first.

    >>> layouts(((5, 2, 8), (5, 3, 8)), (2, 3)), layouts(((10, 8), (15, 8)), (2, 3))
    ([1], ['examples first', 'places first'])
    """
    first, second = shapes
    if len(first) != len(second):
        return []
    changed = [axis for axis, (a, b) in enumerate(zip(first, second, strict=True)) if a != b]
    if len(changed) != 1:
        return []
    axis = changed[0]
    if (first[axis], second[axis]) == counts:
        return [axis]
    whole = first[axis] % counts[0] == 0 and second[axis] % counts[1] == 0
    if axis == 0 and whole and first[0] // counts[0] == second[0] // counts[1]:
        return ["examples first", "places first"]
    return []
