"""What pooling does to sums over paths: a maximum has a gate for each edge, a mean fixed multipliers."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor

from gengap.network.operations import Operation
from gengap.probes.paths.algebra import Move
from gengap.probes.paths.watch import NoPathsError, PathWatch, Signal, rule


def _windows(side: Sequence[int], out: Sequence[int], pool: Sequence[Sequence[int]]) -> list[tuple[Move, Tensor]]:
    """For each place in a window: the move that takes it from every window, and its index in the image (-1 outside).

    Args:
        side: Lengths of the image.
        out: Numbers of windows.
        pool: Sides of the window, strides, paddings and dilations.
    """
    windows = []
    for offset in product(*(range(k) for k in pool[0])):
        at = [
            torch.arange(n) * s + o * d - p
            for n, o, (_, s, p, d) in zip(out, offset, zip(*pool, strict=True), strict=True)
        ]
        valid = torch.ones(tuple(out), dtype=torch.bool)
        flat = torch.zeros(tuple(out), dtype=torch.long)
        for axis, (index, length) in enumerate(zip(at, side, strict=True)):
            shape = [-1 if a == axis else 1 for a in range(len(out))]
            valid &= ((index >= 0) & (index < length)).view(shape)
            flat = flat * length + index.view(shape)
        windows.append((_taken(at, side, valid), torch.where(valid, flat, -1)))
    return windows


def _taken(at: Sequence[Tensor], side: Sequence[int], valid: Tensor) -> Move:
    inside = [index.clamp(0, length - 1) for index, length in zip(at, side, strict=True)]

    def move(t: Tensor) -> Tensor:
        first = t.ndim - len(inside)
        for axis, index in enumerate(inside):
            t = t.index_select(first + axis, index)
        return t if bool(valid.all()) else t * valid

    return move


def _pool(args: Sequence[Any], axes: int) -> list[list[int]]:
    """Sides of the window, strides and paddings, each for every axis."""
    sides, stride, padding = (list(args) + [None] * 3)[:3]
    kernel = list(sides) * axes if len(sides) == 1 else list(sides)
    strides = list(stride) * axes if stride and len(stride) == 1 else list(stride or kernel)
    pads = list(padding) * axes if isinstance(padding, list | tuple) and len(padding) == 1 else padding
    return [kernel, strides, [0] * axes if pads in (None, 0) else list(pads)]


def _adaptive(side: Sequence[int], out: Sequence[int]) -> list[list[int]]:
    """Window, strides, paddings and dilations of pooling to a given number of windows."""
    if any(length % n for length, n in zip(side, out, strict=True)):
        raise NoPathsError(f"pools {tuple(side)} to {tuple(out)}, over windows of different sizes")
    kernel = [length // n for length, n in zip(side, out, strict=True)]
    return [kernel, kernel, [0] * len(kernel), [1] * len(kernel)]


@rule("max_pool2d_with_indices", "max_pool3d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool3d")
def _maximum(watch: PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    """A gate for each edge into a window's maximum."""
    x, axes = operation.args[0], 2 if "2d" in operation.name else 3
    signal = watch.fact(x)
    if not isinstance(signal, Signal):
        raise NoPathsError("pools what is no sum over paths")
    values, chosen = result
    if operation.name.startswith("adaptive"):
        pool = _adaptive(x.shape[-axes:], values.shape[-axes:])
    else:
        dilation = list(operation.args[4]) if len(operation.args) > 4 else [1] * axes
        pool = [*_pool(operation.args[1:4], axes), dilation * axes if len(dilation) == 1 else dilation]
    parts = [
        watch.scaled(watch.moved(signal, move), (chosen == index).double(), fixed=False)
        for move, index in _windows(x.shape[-axes:], values.shape[-axes:], pool)
    ]
    return [(values, watch.added(parts))]


@rule("avg_pool2d", "avg_pool3d", "avg_pool1d", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d")
def _average(watch: PathWatch[Any], operation: Operation, result: Any) -> list[tuple[Tensor, Signal[Any]]]:
    """Fixed multipliers, one for each place of a window."""
    x, axes = operation.args[0], int(operation.name.removesuffix("d")[-1])
    signal = watch.fact(x)
    if not isinstance(signal, Signal):
        raise NoPathsError("pools what is no sum over paths")
    side, out = x.shape[-axes:], result.shape[-axes:]
    if operation.name.startswith("_adaptive"):
        pool = _adaptive(side, out)
    else:
        pool = [*_pool(operation.args[1:4], axes), [1] * axes]
    windows = _windows(side, out, pool)
    inside = sum((index >= 0).double() for _, index in windows)
    ones = operation.function(torch.ones(1, 1, *side, dtype=torch.float64), *operation.args[1:], **operation.options)
    factor = ones[0, 0] / inside  # 1 / the divisor, at every window
    equal = bool((factor == factor.flatten()[0]).all())
    total = watch.added([watch.moved(signal, move) for move, _ in windows])
    by = float(factor.flatten()[0]) if equal else factor.expand(result.shape)
    return [(result, watch.scaled(total, by, fixed=True))]
