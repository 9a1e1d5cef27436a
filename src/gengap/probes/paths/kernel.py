"""Inner products of path features, layer by layer, without listing a path."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.probes.paths.gates import GateAlgebra, Layer, Term, Window
from gengap.probes.paths.network import doubled, folded_network
from gengap.probes.paths.path_pass import path_pass

TILE_BYTES = 1 << 27  # of kernels in a tile: larger arrays cost more for fresh memory than they save in passes
CACHE_BYTES = 1 << 30  # of gates kept between tiles
SPARE_BYTES = 1 << 25  # for the machinery of a pass and what the allocator rounds up
LARGEST_TILE = 1000
Progress = Callable[[int, int], None]


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
            "The network's forward pass takes another way for other examples.",
            expected="the same operations for all examples",
        )
    parts = parts or Parts()
    n, m = len(first.outputs), len(second.outputs)
    last_use, kernels = _last_uses(first), dict[int | None, Tensor]()
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


def _last_uses(block: Block) -> dict[int | None, int]:
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
    first = doubled(x)
    network, parts = folded_network(model, first), Parts()
    probe = block_of(network, first[:2])
    size = tile or _tile_size(probe)
    rows = _Blocks(network, first, size, parts)
    columns = rows if other is None else _Blocks(network, doubled(other), size, parts)
    shape = (1 if probe.shared else probe.outputs.shape[1], rows.n, columns.n)
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
        if progress:
            progress(done, len(pairs))
    return PathKernel(kernels, torch.cat(list(outputs.values())), real_gates, size, dict(parts.seconds))


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
    outputs = 1 if probe.shared else probe.outputs.shape[1]
    size = min(tile or _tile_size(probe), max(n, m))
    examples = n if other is None else n + m
    inputs, gates, passes = first[0].numel() * 8, -(-probe.bytes // 2), -(-probe.pass_bytes // 2)
    kept = min(CACHE_BYTES, gates * examples) + 2 * gates * size
    parameters = 8 * sum(p.numel() for p in model.parameters())
    working = 2 * passes * size + _tile_bytes(probe, size) * 3 // 2
    return 8 * outputs * n * m + inputs * examples + kept + parameters + working + SPARE_BYTES


def _tile_bytes(block: Block, size: int) -> int:
    """The most that a tile's kernels and the gates that multiply them take at a time."""
    last_use, places, most = _last_uses(block), dict[int | None, int](), 0
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
        tile: Examples on a side of a tile; None for what 128 MB of kernels allow.

    Raises:
        InputError: An operation is no sum over paths; it and the layer are named.

    >>> import torch
    >>> layer = torch.nn.Linear(2, 3)
    >>> path_kernel(layer, torch.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[6.0, 12.0], [12.0, 26.0]]
    """
    return path_kernels(model, x, other, tile=tile).kernels.sum(0)
