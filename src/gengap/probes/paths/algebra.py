"""What a pass over a network computes of its paths: the operations that each such computation has to define.

A path starts at a coordinate of the input, or at a constant 1, and follows edges to an output. Its weight is the
product of its edges' weights: parameters, and what is computed from parameters alone. Its feature, for an example, is
the product of the input where it starts, of fixed multipliers (an average pool's 1/k, a buffer) and of the gates on it:
0 or 1 for ReLU and for each edge of a maximum, real for s(x) x. An output is the sum over its paths of weight times
feature.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

State = TypeVar("State")
Move = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Convolution:
    """The arguments of a convolution other than its tensors, as ``aten::convolution`` orders them."""

    stride: list[int]
    padding: list[int]
    dilation: list[int]
    transposed: bool
    output_padding: list[int]
    groups: int

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """The convolution of ``x``."""
        return torch.convolution(
            *(x, weight, bias, self.stride, self.padding, self.dilation),
            *(self.transposed, self.output_padding, self.groups),
        )


class Algebra(Protocol[State]):
    """How a state, of the paths to all units of an activation ``[B, …]``, follows the network's operations."""

    def constant(self, value: Tensor, *, weights: bool) -> State:
        """Paths of one edge from the constant 1: its value is a weight, or a fixed multiplier (0 is no edge)."""

    def moved(self, state: State, move: Move) -> State:
        """Units rearranged, repeated or left out as ``move`` does it to ``[B, …]``; where it puts 0 is no path."""

    def added(self, states: Sequence[State]) -> State:
        """Paths side by side, to the same units."""

    def scaled(self, state: State, factor: Tensor | float, *, fixed: bool, largest_gate: float = 1.0) -> State:
        """Features multiplied, by a number, or at each unit by fixed multipliers or gates ``[B, …]``.

        ``largest_gate`` is the largest absolute value of a gate for any input.
        """

    def weighted(self, state: State, weight: Tensor) -> State:
        """An edge from each unit to its successor, with weights ``[B, …]``, equal for all examples."""

    def dense(self, state: State, weight: Tensor, bias: Tensor | None) -> State:
        """Edges of a linear layer ``[out, in]`` on ``[B * T, in]``, and from the constant 1 where there is a bias."""

    def convolved(self, state: State, weight: Tensor, bias: Tensor | None, how: Convolution) -> State:
        """Edges of a convolution, and from the constant 1 where there is a bias."""
