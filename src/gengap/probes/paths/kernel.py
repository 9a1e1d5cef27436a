"""Inner products of path features, tile by tile in bounded memory, without listing a path."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from gengap.arguments import whole_number
from gengap.errors import InputError
from gengap.probes.paths.blocks import Block, Parts, block_of, kernel_of_blocks, last_uses
from gengap.probes.paths.gates import Layer, Window
from gengap.probes.paths.network import doubled, folded_network

TILE_BYTES = 1 << 27  # of kernels in a tile: larger arrays cost more for fresh memory than they save in passes
CACHE_BYTES = 1 << 30  # of gates kept between tiles
SPARE_BYTES = 1 << 25  # for the machinery of a pass and what the allocator rounds up
LARGEST_TILE = 1000
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PathKernel:
    """The path kernel of a network between examples, and what came with it.

    Attributes:
        kernels: Float64 ``[1, N, M]`` where the outputs have all paths in common, as behind a linear layer; else
            ``[C, N, M]``, one for each output.
        outputs: Of the first examples, ``[N, C]``.
        real_gates: Where gates are not constant on pieces -> by which operation; empty for piecewise-linear networks.
        tile: Examples on a side of a tile.
        seconds: By part: passes, grams, products, windows.
    """

    kernels: Tensor
    outputs: Tensor
    real_gates: dict[str, str]
    tile: int
    seconds: dict[str, float]


def path_kernels(
    model: nn.Module, x: Any, other: Any = None, *, tile: int | None = None, progress: Progress | None = None
) -> PathKernel:
    """The path kernel, tile by tile; see ``path_kernel``. ``tile_memory`` says how much memory it takes.

    Args:
        model: A network; batch norm is folded, and it is taken in evaluation mode.
        x: Examples as it takes them, ``[N, …]``.
        other: Others, ``[M, …]``; None for the same.
        tile: Examples on a side of a tile; None for what 128 MB of kernels allow.
        progress: Called with the tiles that are done and their number.
    """
    first, second = doubled(x), None if other is None else doubled(other)
    if second is not None and second.shape[1:] != first.shape[1:]:
        raise InputError(
            f"The first examples have shape {tuple(first.shape[1:])}, the others {tuple(second.shape[1:])}.",
            expected="two sets of examples of one shape",
        )
    network, parts = folded_network(model, first), Parts()
    probe = block_of(network, first[:2])
    size = _tile(tile, probe)
    rows = _Blocks(network, first, size, parts)
    columns = rows if second is None else _Blocks(network, second, size, parts)
    shape = (_kernel_count(probe), rows.n, columns.n)
    kernels, done = torch.zeros(shape, dtype=torch.float64), 0
    pairs = [(i, j) for i in range(len(rows)) for j in range(i if other is None else 0, len(columns))]
    outputs: dict[int, Tensor] = {}
    real_gates: dict[str, str] = {}
    for done, (i, j) in enumerate(pairs, start=1):
        row = rows[i]
        column = row if other is None and i == j else columns[j]
        outputs[i], real_gates = row.outputs, real_gates | row.real_gates | column.real_gates
        kernels[:, rows.at(i), columns.at(j)] = found = kernel_of_blocks(row, column, parts)
        if other is None:
            kernels[:, rows.at(j), columns.at(i)] = found.transpose(1, 2)
        del found  # before the next tile needs as much
        if progress:
            progress(done, len(pairs))
    return PathKernel(kernels, torch.cat(list(outputs.values())), real_gates, size, dict(parts.seconds))


def kernel_count(model: nn.Module, x: Any) -> int:
    """Kernels that ``path_kernels`` gives: 1 where the outputs have all paths in common, else one for each output.

    Args:
        model: As in ``path_kernels``.
        x: An example or more as it takes them, ``[N, …]``; they show the way through the network.
    """
    few = doubled(x)[:2]
    return _kernel_count(block_of(folded_network(model, few), few))


def _kernel_count(block: Block) -> int:
    return 1 if block.shared else block.outputs.shape[1]


def tile_memory(model: nn.Module, x: Any, other: Any = None, *, tile: int | None = None) -> int:
    """Bytes that ``path_kernels`` allocates at most, beside what the process had before, as two examples show it.

    They are for the kernel, the examples in float64, the gates that are kept between tiles, a pass and a tile's
    kernels. Since the allocator may keep what is freed, pass and tile are added up, with a margin: about half of the
    bound can stay unused.

    Args:
        model: As in ``path_kernels``.
        x: Likewise.
        other: Likewise.
        tile: Likewise.
    """
    first = doubled(x)
    probe = block_of(folded_network(model, first), first[:2])
    n, m = len(first), len(first) if other is None else len(other)
    outputs = _kernel_count(probe)
    size = min(_tile(tile, probe), max(n, m))
    examples = n if other is None else n + m
    inputs, gates, passes = first[0].numel() * 8, -(-probe.bytes // 2), -(-probe.pass_bytes // 2)
    kept = min(CACHE_BYTES, gates * examples) + 2 * gates * size
    parameters = 8 * sum(p.numel() for p in model.parameters())
    working = 2 * passes * size + _tile_bytes(probe, size) * 3 // 2
    return 8 * outputs * (n * m + size**2) + inputs * examples + kept + parameters + working + SPARE_BYTES


def _tile_bytes(block: Block, size: int) -> int:
    """The most that a tile's kernels and the gates that multiply them take at a time."""
    last_use, places, most = last_uses(block), dict[int | None, int](), 0
    for index, layer in enumerate(block.layers):
        gates = max((s.gates.shape[0] * s.gates.shape[2] for s in layer.sources), default=0) * 2 * 8 * size
        sums = [layer.slots, *([] if layer.window is None else _window_places(layer.window))]
        during = max((a + b for a, b in pairwise(sums)), default=0)
        alive = 8 * size**2 * sum(places.values())
        most = max(most, alive + 8 * size**2 * max(during, sums[0] + 1) + gates)
        places[index] = sums[-1]
        places = {key: count for key, count in places.items() if last_use.get(key, -1) > index}
    return most


def _window_places(window: Window) -> list[int]:
    """Places after the sums along each axis."""
    lengths, side = [], list(window.side)
    for axis, length in enumerate(window.out):
        side[axis] = length
        lengths.append(window.groups * math.prod(side))
    return lengths


class _Blocks:
    """Blocks of examples, each passed through the network when it is needed, and kept where memory allows.

    Args:
        network: As ``folded_network`` makes it.
        x: Float64 ``[N, …]``.
        size: Of a block.
        parts: Takes the time of the passes.
    """

    def __init__(self, network: nn.Module, x: Tensor, size: int, parts: Parts):
        self.network, self.x, self.size, self.n, self.parts = network, x, size, len(x), parts
        self._kept: dict[int, Block] = {}
        self._latest: tuple[int, Block] | None = None

    def __len__(self) -> int:
        return -(-self.n // self.size)

    def at(self, i: int) -> slice:
        """The rows of a block."""
        return slice(i * self.size, min((i + 1) * self.size, self.n))

    def __getitem__(self, i: int) -> Block:
        """A block, by its number."""
        if self._latest and self._latest[0] == i:
            return self._latest[1]
        if i in self._kept:
            return self._kept[i]
        with self.parts.timed("passes"):
            block = block_of(self.network, self.x[self.at(i)])
        self._latest = (i, block)
        if sum(one.bytes for one in self._kept.values()) + block.bytes <= CACHE_BYTES:
            self._kept[i] = block
        return block


def _tile(tile: int | None, probe: Block) -> int:
    return _tile_size(probe) if tile is None else whole_number(tile, "tile")


def _tile_size(probe: Block) -> int:
    """Examples on a side of a tile whose kernels take ``TILE_BYTES``: those of the largest layer, thrice."""
    places = max((max(layer.slots, _places(layer)) for layer in probe.layers), default=1)
    return max(2, min(LARGEST_TILE, math.isqrt(TILE_BYTES // (24 * places))))


def _places(layer: Layer) -> int:
    return layer.slots if layer.window is None else layer.window.groups * math.prod(layer.window.out)


def path_kernel(model: nn.Module, x: Any, other: Any = None, *, tile: int | None = None) -> Tensor:
    r"""Inner products of path features, float64 ``[N, M]``, without listing a path.

    The feature of a path is the product of the input where it starts (1 for a bias), of the gates on it and of fixed
    multipliers, such as an average pool's 1/k; trained scales, those of batch norm among them, belong to the path
    weights. With :math:`G_l` the Gram matrix of the gates of layer l, of a fully connected network

    .. math:: K_0 = X X'^T, \qquad K_l = G_l \circ (K_{l-1} + 1), \qquad K = K_L + 1,

    where each 1 is there for a bias. In convolutions and pooling the same holds at each position; of a maximum each
    edge has a gate; shortcuts and concatenations add up paths. Behind a linear layer all outputs have their paths in
    common, up to its input. Where they have not, as behind a global average, the kernel is that of all paths, the sum
    over outputs; ``path_kernels`` has each.

    Source: Kawaguchi, Kaelbling and Bengio 2017 (arXiv:1710.05468), section on deep paths, for the features; the
    recursion follows from their definition.

    Args:
        model: A network of linear layers, convolutions, ReLU and its kin, pooling, sums, concatenation and products
            with gates s(x) x; batch norm is folded, and it is taken in evaluation mode. It stays as it is.
        x: Examples as it takes them, floats ``[N, …]``.
        other: Others, ``[M, …]``; None for the same.
        tile: Examples on a side of a tile, at least 1; None for what 128 MB of kernels allow.

    Raises:
        InputError: An operation is no sum over paths; it and the layer are named. Or examples that are no finite
            floats of one shape, weights that are not finite, or a forward pass that is random or leaves PyTorch.

    >>> import torch
    >>> layer = torch.nn.Linear(2, 3)
    >>> path_kernel(layer, torch.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[6.0, 12.0], [12.0, 26.0]]
    """
    return path_kernels(model, x, other, tile=tile).kernels.sum(0)
