"""Norms of path weights and numbers of paths, by one pass of sums."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gengap.arguments import whole_number
from gengap.probes.paths.algebra import Convolution, Move
from gengap.probes.paths.network import doubled, folded_network
from gengap.probes.paths.path_pass import path_pass


class PathSums:
    """An ``Algebra``: sums over the paths to each unit of products of powered weights, ``[B, …]`` with equal rows.

    Features count only through fixed multipliers that are 0, where there is no path.

    Args:
        power: Of each weight: 2 for squared norms of path weights; 0 counts paths.
    """

    def __init__(self, power: int):
        self.power = power

    def _powered(self, weight: Tensor) -> Tensor:
        return weight.abs() ** self.power

    def constant(self, value: Tensor, *, weights: bool) -> Tensor:
        """See ``Algebra``."""
        return self._powered(value) if weights else (value != 0).double()

    def moved(self, state: Tensor, move: Move) -> Tensor:
        """See ``Algebra``."""
        return move(state)

    def added(self, states: Sequence[Tensor]) -> Tensor:
        """See ``Algebra``."""
        return torch.stack(list(states)).sum(0)

    def scaled(self, state: Tensor, factor: Tensor | float, *, fixed: bool, largest_gate: float = 1.0) -> Tensor:
        """See ``Algebra``."""
        return state * (torch.as_tensor(factor) != 0) if fixed else state

    def weighted(self, state: Tensor, weight: Tensor) -> Tensor:
        """See ``Algebra``."""
        return state * self._powered(weight)

    def dense(self, state: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """See ``Algebra``."""
        return functional.linear(state, self._powered(weight), None if bias is None else self._powered(bias))

    def convolved(self, state: Tensor, weight: Tensor, bias: Tensor | None, how: Convolution) -> Tensor:
        """See ``Algebra``."""
        return how(state, self._powered(weight), None if bias is None else self._powered(bias))


def path_norms(model: nn.Module, x: Any, *, power: int = 2) -> Tensor:
    r"""Norm of the path weights to each output, :math:`\|\bar w_k\|_p`, float64 ``[C]``.

    One pass with powered weights sums the powers of the path weights. Fixed multipliers belong to the features
    (``path_kernel``), so that an average pool adds up its window, and every edge into a maximum and both slopes of a
    PReLU count: this is the norm that belongs to the path kernel. ``gengap.measures.path.path_sum`` is the path norm
    of the literature, which passes ones through the network with powered weights: an average pool keeps its 1/k, of a
    maximum the largest sum counts, of a PReLU the slope of positive inputs. Without these the two are equal.

    Args:
        model: A network; batch norm is folded, and it is taken in evaluation mode.
        x: An example or more as it takes them, ``[N, …]``; they show the way through the network.
        power: p, at least 1.

    Raises:
        InputError: An operation is no sum over paths; it and the layer are named. Or p is no whole number, or below 1.

    >>> layer = nn.Linear(2, 1)
    >>> _ = layer.load_state_dict({"weight": torch.tensor([[2.0, 3.0]]), "bias": torch.tensor([6.0])})
    >>> path_norms(layer, torch.ones(1, 2)).tolist()
    [7.0]
    """
    power = whole_number(power, "power")
    return _sums(*_prepared(model, x), power) ** (1 / power)


def path_count(model: nn.Module, x: Any) -> float:
    """The number of paths to all outputs together; behind a linear layer each of its edges counts.

    Args:
        model: As in ``path_norms``.
        x: Likewise.

    >>> path_count(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 4)), torch.ones(1, 2))
    40.0
    """
    return count_of(*_prepared(model, x))


def count_of(network: nn.Module, x: Tensor) -> float:
    """``path_count`` of a network as ``folded_network`` makes it."""
    return float(counts_of(network, x).sum())


def counts_of(network: nn.Module, x: Tensor) -> Tensor:
    """Paths to each output, ``[C]``, of a network as ``folded_network`` makes it."""
    return _sums(network, x, 0)


def _prepared(model: nn.Module, x: Any) -> tuple[nn.Module, Tensor]:
    inputs = doubled(x)
    return folded_network(model, inputs), inputs


def _sums(network: nn.Module, x: Tensor, power: int) -> Tensor:
    two = x[:2] if len(x) > 1 else torch.cat([x, x])
    return path_pass(network, two, PathSums(power)).state[0]
