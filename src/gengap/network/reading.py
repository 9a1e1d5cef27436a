"""Reading a network: its layers, with batch norm folded, and what is not covered."""

from dataclasses import dataclass

from torch import Tensor, nn

from gengap.network.folding import Pairs, foldable, folded
from gengap.network.layers import Walk, WeightLayer, walk
from gengap.network.probe import FEW, Probe, probe


@dataclass(frozen=True)
class Reading:
    """What one pass of a few examples tells of a network.

    Attributes:
        folded_model: A copy with batch norm folded into the layers before it.
        layers: The weight layers of that copy.
        uncovered: Name -> why no rule covers it; a batch norm that cannot be folded among them.
        left_out: Name -> why definitions that sum over weights do not count it.
        pairs: What was folded: ``(layer, batch norm)``.
        seen: Shapes, order and use, as the pass showed them.
    """

    folded_model: nn.Module
    layers: tuple[WeightLayer, ...]
    uncovered: dict[str, str]
    left_out: dict[str, str]
    pairs: Pairs
    seen: Probe


def read_network(model: nn.Module, x: Tensor) -> Reading:
    """Reads a network that is in evaluation mode and returns one tensor.

    Args:
        model: The network; it stays as it is.
        x: Examples as the network takes them; a few hundred tell which of its parts are used.
    """
    seen = probe(model, x)
    pairs, refused = foldable(model, x[:FEW], seen)
    copy = folded(model, pairs)
    found = walk(copy, seen)
    left_out = {name: reason for name, reason in found.left_out.items() if name not in refused}
    return Reading(copy, found.layers, found.uncovered | refused, left_out, pairs, seen)


def read_like(model: nn.Module, reading: Reading) -> Walk:
    """The layers of another network of the same architecture, folded at the same places."""
    return walk(folded(model, reading.pairs), reading.seen)
