"""What path features can be at most, whatever the input: from the range of inputs, fixed multipliers and gates."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gengap.probes.paths.algebra import Convolution, Move
from gengap.probes.paths.network import doubled, folded_network
from gengap.probes.paths.norms import PathSums, counts_of
from gengap.probes.paths.path_pass import path_pass


@dataclass(frozen=True)
class FeatureBounds:
    r"""Bounds on the path features z_k of each output that hold for every input of the range.

    Attributes:
        paths: Their number, ``[C]``.
        squared_norms: On :math:`\|z_k\|_2^2`, ``[C]``.
        largest: On :math:`\|z_k\|_\infty`, ``[C]``.
        unbounded: Where gates have no bound -> by which operation; there the bounds are infinite.
    """

    paths: Tensor
    squared_norms: Tensor
    largest: Tensor
    unbounded: dict[str, str]


def feature_bounds(model: nn.Module, x: Any, largest: float) -> FeatureBounds:
    r"""The largest that path features can be where no coordinate of an input is above X in absolute value.

    A feature is the product of the input where its path starts (1 for a bias), of fixed multipliers and of gates. It
    is at most X, or 1, times the fixed multipliers times the largest value of each gate: 1 for ReLU and maxima, and
    max(1, \|slope\|) for a leaky ReLU. Squares add up over paths.

    Args:
        model: A network; batch norm is folded, and it is taken in evaluation mode.
        x: An example or more as it takes them, ``[N, …]``; they show the way through the network.
        largest: X, above 0.

    Raises:
        InputError: An operation is no sum over paths; it and the layer are named.

    >>> bounds = feature_bounds(nn.Sequential(nn.Linear(2, 3), nn.LeakyReLU(3.0)), torch.ones(1, 2), largest=0.5)
    >>> bounds.squared_norms.tolist(), bounds.largest.tolist()
    ([13.5, 13.5, 13.5], [3.0, 3.0, 3.0])
    """
    inputs = doubled(x)
    network = folded_network(model, inputs)
    two = inputs[:2] if len(inputs) > 1 else torch.cat([inputs, inputs])
    squares = path_pass(network, two, _Squares(), largest=largest)
    most = path_pass(network, two, _Largest(), largest=largest).state[0]
    unbounded = {} if math.isfinite(float(squares.state.sum())) else squares.real_gates
    return FeatureBounds(counts_of(network, inputs), squares.state[0], most, unbounded)


class _Squares(PathSums):
    """An ``Algebra``: sums over the paths to each unit of squared bounds on their features, ``[B, …]``."""

    def __init__(self) -> None:
        super().__init__(power=0)

    def constant(self, value: Tensor, *, weights: bool) -> Tensor:
        """See ``Algebra``."""
        return torch.ones_like(value) if weights else value.square()

    def scaled(self, state: Tensor, factor: Tensor | float, *, fixed: bool, largest_gate: float = 1.0) -> Tensor:
        """See ``Algebra``."""
        return _times(state, torch.as_tensor(factor).square() if fixed else largest_gate**2)


class _Largest:
    """An ``Algebra``: the largest bound on a feature of the paths to each unit; layers take it over all inputs."""

    def constant(self, value: Tensor, *, weights: bool) -> Tensor:
        """See ``Algebra``."""
        return torch.ones_like(value) if weights else value.abs()

    def moved(self, state: Tensor, move: Move) -> Tensor:
        """See ``Algebra``."""
        return move(state)

    def added(self, states: Sequence[Tensor]) -> Tensor:
        """See ``Algebra``."""
        return torch.stack(list(states)).amax(0)

    def scaled(self, state: Tensor, factor: Tensor | float, *, fixed: bool, largest_gate: float = 1.0) -> Tensor:
        """See ``Algebra``."""
        return _times(state, torch.as_tensor(factor).abs() if fixed else largest_gate)

    def weighted(self, state: Tensor, weight: Tensor) -> Tensor:
        """See ``Algebra``."""
        return state

    def dense(self, state: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """See ``Algebra``."""
        return self._over_all(state, torch.nn.functional.linear(state, weight), bias)

    def convolved(self, state: Tensor, weight: Tensor, bias: Tensor | None, how: Convolution) -> Tensor:
        """See ``Algebra``."""
        return self._over_all(state, how(state, weight), bias)

    def _over_all(self, state: Tensor, like: Tensor, bias: Tensor | None) -> Tensor:
        most = float(state.max())
        return torch.full_like(like, most if bias is None else max(1.0, most))


def _times(state: Tensor, factor: Tensor | float) -> Tensor:
    """The product, in which 0, for no path, stays 0."""
    return torch.where(state == 0, 0.0, state * factor)
