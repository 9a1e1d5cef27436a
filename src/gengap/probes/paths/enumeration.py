"""Every path of a small network, one by one: their features and their weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.probes.paths.algebra import Convolution, Move
from gengap.probes.paths.network import doubled, folded_network
from gengap.probes.paths.norms import count_of
from gengap.probes.paths.path_pass import path_pass

MOST_PATHS = 200_000
MOST_VALUES = 20_000_000  # of features, 160 MB


@dataclass(frozen=True)
class PathList:
    """Paths to the units of an activation.

    Attributes:
        unit: Where each path ends, ``[K]``, an index into the flattened activation of one example.
        stem: Which column of ``features`` is its feature ``[K]``; paths to several units may share one.
        weight: Product of the weights of its edges, ``[K]``.
        features: ``[B, S]``.
        shape: Of the activation, ``[B, …]``.
    """

    unit: Tensor
    stem: Tensor
    weight: Tensor
    features: Tensor
    shape: torch.Size

    def apart(self) -> "PathList":
        """The same paths, each with a feature column for itself."""
        features = self.features[:, self.stem]
        return PathList(self.unit, torch.arange(len(self.unit)), self.weight, features, self.shape)


class Enumeration:
    """An ``Algebra`` whose state lists all paths.

    Args:
        batch: B.
    """

    def __init__(self, batch: int):
        self.batch = batch

    def constant(self, value: Tensor, *, weights: bool) -> PathList:
        """See ``Algebra``."""
        row = value.reshape(self.batch, -1)[0]
        ones = torch.ones(self.batch, 1, dtype=torch.float64)
        if weights:  # all of one feature
            units = torch.arange(len(row))
            return PathList(units, torch.zeros_like(units), row, ones, value.shape)
        units = row.nonzero().flatten()
        return PathList(units, torch.arange(len(units)), torch.ones_like(row[units]), row[units] * ones, value.shape)

    def moved(self, state: PathList, move: Move) -> PathList:
        """See ``Algebra``."""
        size = state.shape.numel() // self.batch
        number = torch.arange(1.0, size + 1, dtype=torch.float64).expand(self.batch, size).reshape(state.shape)
        moved = move(number)
        source = moved.reshape(self.batch, -1)[0].long() - 1
        target = torch.arange(len(source))[source >= 0]
        path, edge = _along(state.unit, source[source >= 0])
        used, stem = torch.unique(state.stem[path], return_inverse=True)
        return PathList(target[edge], stem, state.weight[path], state.features[:, used], moved.shape)

    def added(self, states: Sequence[PathList]) -> PathList:
        """See ``Algebra``."""
        starts = [0]
        for state in states:
            starts.append(starts[-1] + state.features.shape[1])
        stem = torch.cat([state.stem + start for state, start in zip(states, starts, strict=False)])
        unit, weight = (torch.cat([getattr(state, name) for state in states]) for name in ("unit", "weight"))
        return PathList(unit, stem, weight, torch.cat([state.features for state in states], 1), states[0].shape)

    def scaled(self, state: PathList, factor: Tensor | float, *, fixed: bool, largest_gate: float = 1.0) -> PathList:
        """See ``Algebra``."""
        if not isinstance(factor, Tensor):
            kept = len(state.unit) if factor or not fixed else 0
            unit, stem, weight = (part[:kept] for part in (state.unit, state.stem, state.weight))
            return PathList(unit, stem, weight, state.features * factor, state.shape)
        factors = factor.reshape(self.batch, -1)
        if fixed:
            present = factors[0][state.unit] != 0
            unit, stem, weight = (part[present] for part in (state.unit, state.stem, state.weight))
            state = PathList(unit, stem, weight, state.features, state.shape)
        apart = state.apart()
        features = apart.features * factors[:, apart.unit]
        return PathList(apart.unit, apart.stem, apart.weight, features, state.shape)

    def weighted(self, state: PathList, weight: Tensor) -> PathList:
        """See ``Algebra``."""
        row = weight.reshape(self.batch, -1)[0]
        return PathList(state.unit, state.stem, state.weight * row[state.unit], state.features, state.shape)

    def dense(self, state: PathList, weight: Tensor, bias: Tensor | None) -> PathList:
        """See ``Algebra``."""
        rows, (C, D) = state.shape[0] // self.batch, weight.shape
        u = torch.arange(rows * D).repeat_interleave(C)
        v = (u // D) * C + torch.arange(C).repeat(rows * D)
        shape = torch.Size((state.shape[0], C))
        place = torch.arange(rows).repeat_interleave(C)
        return self._connected(state, (u, v, weight[v % C, u % D]), bias, torch.arange(C).repeat(rows), place, shape)

    def convolved(self, state: PathList, weight: Tensor, bias: Tensor | None, how: Convolution) -> PathList:
        """See ``Algebra``."""
        size = state.shape.numel() // self.batch
        eye = torch.eye(size, dtype=torch.float64).reshape(size, *state.shape[1:])
        image = how(eye, torch.arange(1.0, weight.numel() + 1, dtype=torch.float64).reshape(weight.shape))
        u, v = image.flatten(1).nonzero().T
        values = weight.flatten()[image.flatten(1)[u, v].long() - 1]
        channels, positions = image.shape[1], image[0, 0].numel()
        shape = torch.Size((self.batch, *image.shape[1:]))
        channel = torch.arange(channels).repeat_interleave(positions)
        return self._connected(state, (u, v, values), bias, channel, torch.arange(positions).repeat(channels), shape)

    def _connected(
        self,
        state: PathList,
        edges: tuple[Tensor, Tensor, Tensor],
        bias: Tensor | None,
        channel: Tensor,
        place: Tensor,
        shape: torch.Size,
    ) -> PathList:
        """Paths continued by edges (from, to, weight); outputs at one place share the features of their paths."""
        apart, (u, v, values) = state.apart(), edges
        path, edge = _along(apart.unit, u)
        places = int(place.max()) + 1
        key, stem = torch.unique(path * places + place[v[edge]], return_inverse=True)
        result = PathList(v[edge], stem, apart.weight[path] * values[edge], apart.features[:, key // places], shape)
        if bias is None:
            return result
        ones = torch.ones(self.batch, places, dtype=torch.float64)
        return self.added([result, PathList(torch.arange(len(place)), place, bias[channel], ones, shape)])


def _along(unit: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """All pairs (path, edge) where the edge starts at the unit at which the path ends."""
    order = torch.argsort(source, stable=True)
    ordered = source[order]
    first, after = torch.searchsorted(ordered, unit), torch.searchsorted(ordered, unit, right=True)
    counts = after - first
    path = torch.repeat_interleave(torch.arange(len(unit)), counts)
    start = torch.repeat_interleave(first - (counts.cumsum(0) - counts), counts)
    return path, order[start + torch.arange(len(path))]


@dataclass(frozen=True)
class Paths:
    """All paths of a network.

    Attributes:
        features: z, float64 ``[N, paths]``.
        weights: wbar, float64 ``[C, paths]``: outputs are ``features @ weights.T``.
        shared: Whether the outputs have all paths in common, as behind a linear layer; else each column belongs to
            one output.
    """

    features: Tensor
    weights: Tensor
    shared: bool


def enumerated(model: nn.Module, x: Any, *, most: int = MOST_PATHS) -> Paths:
    """Lists all paths of a network, with their features for some examples.

    Where the network ends in a linear layer, paths are counted up to its input, as the paper does
    (d_z = d_0 n_1 ... n_{L-1}, and one for its bias), and all outputs have them in common.

    Args:
        model: A network; batch norm is folded, and it is taken in evaluation mode.
        x: Examples as it takes them, ``[N, …]``.
        most: Paths that are listed at most.

    Raises:
        InputError: More paths than that, or an operation that is no sum over paths.
    """
    inputs = doubled(x)
    network = folded_network(model, inputs)
    total = count_of(network, inputs)
    n = len(inputs)
    if total > most or total * n > MOST_VALUES:
        raise InputError(
            f"The network has {total:.6g} paths, for {n} examples.",
            expected=f"at most {most:,} paths, and {MOST_VALUES:,} numbers in all",
            next_step="path_kernel has the inner products of their features without listing them",
        )
    batch = inputs if n > 1 else torch.cat([inputs, inputs])
    result = path_pass(network, batch, Enumeration(len(batch)))
    paths, C = result.state, result.outputs.shape[1]
    shared = C == 1 or bool((torch.bincount(paths.stem, minlength=paths.features.shape[1]) == C).all())
    if not shared:
        paths = paths.apart()
    weights = torch.zeros(C, paths.features.shape[1], dtype=torch.float64)
    weights[paths.unit, paths.stem] = paths.weight
    return Paths(paths.features[:n], weights, shared)


def path_features(model: nn.Module, x: Any, *, most: int = MOST_PATHS) -> Tensor:
    """Path features z of a small network, float64 ``[N, paths]``; see ``enumerated``."""
    return enumerated(model, x, most=most).features


def path_weights(model: nn.Module, x: Any, *, most: int = MOST_PATHS) -> Tensor:
    """Path weights wbar of a small network, float64 ``[C, paths]``; see ``enumerated``."""
    return enumerated(model, x, most=most).weights
