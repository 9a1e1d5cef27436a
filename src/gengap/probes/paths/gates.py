"""The gates of a block of examples, as the path kernel needs them: for each layer, what it sums over.

Into all outputs of a layer at one place go the same paths up to its input. So a layer has one kernel for each place (a
row of a linear layer, a position of a convolution, in each of its groups): the sum over its inputs of their kernels.
Gates between two layers are cumulated, as shortcuts need them: an input of the later one has the kernel of its place in
the earlier one, times its gates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gengap.probes.paths.algebra import Convolution, Move


@dataclass(frozen=True)
class Term:
    """Paths to the units of an activation that have come the same way since a layer last joined them.

    Attributes:
        gates: Cumulated since that layer, ``[B, …]``.
        places: Which place of that layer each unit comes from, ``[B, …]``, whole numbers from 1, and 0 where a
            concatenation or padding has no path; None where the layer has one place.
        layer: Index of that layer; None for paths that have met none, whose kernel is 1.
        uniform: Whether the units differ by their places alone.
    """

    gates: Tensor
    places: Tensor | None = None
    layer: int | None = None
    uniform: bool = False


@dataclass(frozen=True)
class Source:
    """What enters a layer from one earlier layer, in groups of inputs that have one place there and one slot here.

    Attributes:
        gates: ``[I, B, C]``: C inputs in each of I groups (uint8 where all are 0 or 1).
        slots: Which sum each group goes to, ``[I]``.
        layer: The earlier layer; None where the kernel is 1.
        places: Its place, ``[I]``.
    """

    gates: Tensor
    slots: list[int]
    layer: int | None
    places: list[int]


@dataclass(frozen=True)
class Window:
    """How the sums over channels, at each position of an image, add up over the windows of a convolution.

    Attributes:
        groups: Of the convolution.
        side: Of the input.
        out: Of the output.
        kernel: Of the kernel.
        how: Stride, padding and the rest.
    """

    groups: int
    side: tuple[int, ...]
    out: tuple[int, ...]
    kernel: tuple[int, ...]
    how: Convolution


@dataclass(frozen=True)
class Layer:
    """A linear layer or convolution.

    Attributes:
        sources: What it sums over.
        slots: Number of sums.
        window: Of a convolution; None for a linear layer, whose slots are its places.
        bias: Whether a path starts here at the constant 1.
    """

    sources: list[Source]
    slots: int
    window: Window | None
    bias: bool


class GateAlgebra:
    """An ``Algebra`` that records the gates of a batch, layer by layer.

    Args:
        batch: B.

    Attributes:
        layers: In the order in which they were called.
    """

    def __init__(self, batch: int):
        self.batch = batch
        self.layers: list[Layer] = []

    def constant(self, value: Tensor, *, weights: bool) -> list[Term]:
        """See ``Algebra``."""
        return [Term(torch.ones_like(value) if weights else value, uniform=weights)]

    def moved(self, state: list[Term], move: Move) -> list[Term]:
        """See ``Algebra``."""
        result = []
        for term in state:
            gates, places = move(term.gates), None if term.places is None else move(term.places)
            result.append(Term(gates, places, term.layer, term.uniform and bool((gates != 0).all())))
        return result

    def added(self, states: Sequence[list[Term]]) -> list[Term]:
        """See ``Algebra``."""
        return [term for state in states for term in state]

    def scaled(
        self, state: list[Term], factor: Tensor | float, *, fixed: bool, largest_gate: float = 1.0
    ) -> list[Term]:
        """See ``Algebra``."""
        number = not isinstance(factor, Tensor)
        return [Term(term.gates * factor, term.places, term.layer, term.uniform and number) for term in state]

    def weighted(self, state: list[Term], weight: Tensor) -> list[Term]:
        """See ``Algebra``."""
        return state

    def dense(self, state: list[Term], weight: Tensor, bias: Tensor | None) -> list[Term]:
        """See ``Algebra``."""
        length, rows = len(state[0].gates), len(state[0].gates) // self.batch
        sources = [source for term in state for source in self._by_row(term, rows)]
        row_of = torch.arange(1.0, rows + 1, dtype=torch.float64).repeat(self.batch).view(-1, 1)
        layer = Layer(sources, rows, None, bias is not None)
        return [self._output(layer, torch.Size((length, len(weight))), row_of if rows > 1 else None)]

    def convolved(self, state: list[Term], weight: Tensor, bias: Tensor | None, how: Convolution) -> list[Term]:
        """See ``Algebra``."""
        side, groups = state[0].gates.shape[2:], how.groups
        sources = [source for term in state for source in self._by_position(term, groups)]
        image = how(torch.zeros(1, *state[0].gates.shape[1:], dtype=torch.float64), weight)
        out, channels = image.shape[2:], image.shape[1] // groups
        group_of = torch.arange(groups).repeat_interleave(channels)[:, None] * out.numel()
        places = (group_of + torch.arange(1, out.numel() + 1)).double().view(1, -1, *out)
        window = Window(groups, tuple(side), tuple(out), tuple(weight.shape[2:]), how)
        layer = Layer(sources, groups * side.numel(), window, bias is not None)
        return [self._output(layer, torch.Size((self.batch, *image.shape[1:])), places)]

    def _output(self, layer: Layer, shape: torch.Size, places: Tensor | None) -> Term:
        self.layers.append(layer)
        ones = torch.ones((), dtype=torch.float64).expand(shape)
        return Term(ones, None if places is None else places.expand(shape), len(self.layers) - 1, uniform=True)

    def _by_row(self, term: Term, rows: int) -> list[Source]:
        """The inputs of a linear layer, row by row, in groups of one place; groups of one size together."""
        gates = term.gates.reshape(self.batch, rows, -1)
        if term.places is None:
            return [_source(gates.transpose(0, 1), list(range(rows)), term.layer, [0] * rows)]
        places, result = term.places.reshape(self.batch, rows, -1)[0].long(), []
        for row in range(rows):
            present = (places[row] > 0).nonzero().flatten()
            at = places[row][present] - 1
            order, counts = present[torch.argsort(at, stable=True)], torch.bincount(at)
            starts = counts.cumsum(0) - counts
            for size in sorted({*counts.tolist()} - {0}):
                which = (counts == size).nonzero().flatten()
                units = order[starts[which, None] + torch.arange(size)]
                grouped = gates[:, row][:, units].transpose(0, 1)
                result.append(_source(grouped, [row] * len(which), term.layer, which.tolist()))
        return result

    def _by_position(self, term: Term, groups: int) -> list[Source]:
        """The inputs of a convolution, position by position; channels that have their places in common together."""
        gates = term.gates.reshape(self.batch, groups, len(term.gates[0]) // groups, -1)
        positions, result = gates.shape[-1], []
        places = None if term.places is None else term.places[0].reshape(*gates.shape[1:]).long()
        for group in range(groups):
            slots = torch.arange(group * positions, (group + 1) * positions)
            if places is None:
                part = gates[:, group].permute(2, 0, 1)
                result.append(_source(part, slots.tolist(), term.layer, [0] * positions))
                continue
            kinds, kind_of = torch.unique(places[group], dim=0, return_inverse=True)
            for number, kind in enumerate(kinds):
                channels, at = (kind_of == number).nonzero().flatten(), (kind > 0).nonzero().flatten()
                if len(at):
                    part = gates[:, group][:, channels][:, :, at].permute(2, 0, 1)
                    result.append(_source(part, slots[at].tolist(), term.layer, (kind[at] - 1).tolist()))
        return result


def _source(gates: Tensor, slots: list[int], layer: int | None, places: list[int]) -> Source:
    """Groups of which some example has a gate that is not 0; as bytes where all gates are 0 or 1."""
    binary = bool(((gates == 0) | (gates == 1)).all())
    return Source(gates.to(torch.uint8 if binary else torch.float64).contiguous(), slots, layer, places)
