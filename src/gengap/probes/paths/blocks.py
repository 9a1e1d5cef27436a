"""The path kernel of two blocks of examples, layer by layer, from the gates of one pass each."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.probes.paths.gates import GateAlgebra, Layer, Term, Window
from gengap.probes.paths.path_pass import path_pass


@dataclass(frozen=True)
class Block:
    """What a pass of a block of examples gives.

    Attributes:
        layers: Their gates, layer by layer.
        ends: The terms at the outputs, ``[B, C]``.
        outputs: ``[B, C]``.
        real_gates: Where gates are not constant on pieces -> by which operation.
        pass_bytes: That the pass held at its end.
    """

    layers: list[Layer]
    ends: list[Term]
    outputs: Tensor
    real_gates: dict[str, str]
    pass_bytes: int

    @property
    def bytes(self) -> int:
        """Of its gates."""
        gates = [source.gates for layer in self.layers for source in layer.sources] + [end.gates for end in self.ends]
        return sum(part.numel() * part.element_size() for part in gates)

    @property
    def structure(self) -> list[Any]:
        """What blocks of the same network have in common."""
        sources = [(s.slots, s.layer, s.places, s.gates.shape[2]) for layer in self.layers for s in layer.sources]
        return [sources, [(layer.slots, layer.window, layer.bias) for layer in self.layers], len(self.ends)]

    @property
    def shared(self) -> bool:
        """Whether the outputs have all paths in common, as behind a linear layer."""
        return all(
            end.uniform and (end.places is None or bool((end.places == end.places[:, :1]).all())) for end in self.ends
        )


def block_of(network: nn.Module, x: Tensor) -> Block:
    """One pass of a block of examples.

    Args:
        network: As ``folded_network`` makes it.
        x: Float64 ``[B, …]``.

    Raises:
        InputError: An operation is no sum over paths.
    """
    batch = x if len(x) > 1 else torch.cat([x, x])
    algebra = GateAlgebra(len(batch))
    found = path_pass(network, batch, algebra)
    return Block(algebra.layers, found.state, found.outputs[: len(x)], found.real_gates, found.bytes)


@dataclass
class Parts:
    """Seconds that each part of the kernel took.

    Attributes:
        passes: Forward passes that give the gates.
        grams: Inner products of gates, for each pair of examples and each place.
        products: Elementwise products of those with the kernels of the layer before.
        windows: Sums over the windows of convolutions.
    """

    seconds: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Adds the time of the context to a part."""
        start = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - start  # type: ignore[assignment]


def kernel_of_blocks(first: Block, second: Block, parts: Parts | None = None) -> Tensor:
    """The path kernel between two blocks: float64 ``[1, n, m]`` where the outputs share all paths, else ``[C, n, m]``.

    With G the sum over an input's channels of products of gates, K' = sum of G o K over its inputs, + 1 for a bias.

    Raises:
        InputError: The two blocks went different ways through the network.
    """
    if first.structure != second.structure:
        raise InputError(
            "The network calls other operations for some examples than for others.",
            expected="the same operations in the same order for all examples, so that their paths are the same",
            next_step="leave out branches on values of activations in forward()",
        )
    parts = parts or Parts()
    n, m = len(first.outputs), len(second.outputs)
    last_use, kernels = last_uses(first), dict[int | None, Tensor]()
    for index, (one, other) in enumerate(zip(first.layers, second.layers, strict=True)):
        kernels[index] = _layer_kernel(one, other, kernels, (n, m), parts)
        for done in [layer for layer in kernels if last_use.get(layer, -1) <= index]:
            del kernels[done]
    result = torch.zeros(1 if first.shared else first.outputs.shape[1], n, m, dtype=torch.float64)
    for end, ends in zip(first.ends, second.ends, strict=True):
        for k, kernel in enumerate(result):
            gates = end.gates[:n, k, None] * ends.gates[:m, k]
            place = 1 if end.places is None else int(end.places[0, k])
            if end.layer is None:
                kernel += gates
            elif place:
                kernel += gates * kernels[end.layer][place - 1]
    return result


def last_uses(block: Block) -> dict[int | None, int]:
    """Layer -> the last one that its kernel enters; past the last where it enters the outputs."""
    uses = {source.layer: i for i, layer in enumerate(block.layers) for source in layer.sources}
    return uses | {end.layer: len(block.layers) for end in block.ends}


def _layer_kernel(
    first: Layer, second: Layer, kernels: dict[int | None, Tensor], shape: tuple[int, int], parts: Parts
) -> Tensor:
    """A layer's kernel at each of its places, ``[P, n, m]``."""
    n, m = shape
    sums = torch.zeros(first.slots, n, m, dtype=torch.float64)
    buffer = torch.empty(n, m, dtype=torch.float64)
    for one, other in zip(first.sources, second.sources, strict=True):
        left, right = one.gates[:, :n].double(), other.gates[:, :m].double().transpose(1, 2)
        before = kernels.get(one.layer)
        for i, (slot, place) in enumerate(zip(one.slots, one.places, strict=True)):
            if before is None:
                with parts.timed("grams"):
                    sums[slot].addmm_(left[i], right[i])
            else:
                with parts.timed("grams"):
                    torch.mm(left[i], right[i], out=buffer)
                with parts.timed("products"):
                    sums[slot].addcmul_(buffer, before[place])
    if first.window is not None:
        with parts.timed("windows"):
            sums = _window_sums(sums.view(first.window.groups, *first.window.side, n, m), first.window).view(-1, n, m)
    return sums.add_(1) if first.bias else sums


def _window_sums(values: Tensor, window: Window) -> Tensor:
    """Sums over the windows of a convolution whose kernel is all ones, axis by axis: ``[G, side…, n, m]``."""
    how = window.how
    for axis, (length, size) in enumerate(zip(window.out, window.kernel, strict=True), start=1):
        side, pad, stride = values.shape[axis], how.padding[axis - 1], how.stride[axis - 1]
        shape = list(values.shape)
        shape[axis] = length
        total = torch.zeros(shape, dtype=values.dtype)
        for offset in range(size):
            shift = offset * how.dilation[axis - 1] - pad
            if how.transposed:  # input i adds to output i * stride + shift
                pairs = [(i, i * stride + shift) for i in range(side) if 0 <= i * stride + shift < length]
            else:  # output i takes input i * stride + shift
                pairs = [(i * stride + shift, i) for i in range(length) if 0 <= i * stride + shift < side]
            if pairs:
                source, target = (_evenly(indices) for indices in zip(*pairs, strict=True))
                before = (slice(None),) * axis
                total[(*before, target)] += values[(*before, source)]
        values = total
    return values


def _evenly(indices: Sequence[int]) -> slice:
    """Evenly spaced indices as a slice."""
    step = indices[1] - indices[0] if len(indices) > 1 else 1
    return slice(indices[0], indices[-1] + 1, step)
