"""Reading a network: its layers, with batch norm folded, and what is not covered."""

from dataclasses import dataclass

from torch import Tensor, nn

from gengap.network.folding import Pairs, foldable, folded
from gengap.network.hidden_weights import hidden_weights
from gengap.network.layers import Inventory, WeightLayer, inventory
from gengap.network.trace import FEW, Trace, trace_network


@dataclass(frozen=True)
class Reading:
    """What a network consists of, as its modules and a pass of a few examples show.

    Attributes:
        folded_model: A copy with batch norm folded into the layers before it.
        layers: The weight layers of that copy.
        uncovered: Name -> why no rule covers it; a batch norm that cannot be folded, a layer that applies something
            else than its stored weight, and all of ``hidden`` among them.
        hidden: Name -> why no rule covers it, of weights that are no parameters: quantised, in buffers or attributes.
        left_out: Name -> why definitions that sum over weights do not count it.
        pairs: What was folded: ``(layer, batch norm)``.
        trace: Shapes, order and use, as the pass showed them.
    """

    folded_model: nn.Module
    layers: tuple[WeightLayer, ...]
    uncovered: dict[str, str]
    hidden: dict[str, str]
    left_out: dict[str, str]
    pairs: Pairs
    trace: Trace


def read_network(model: nn.Module, x: Tensor) -> Reading:
    """Reads a network that is in evaluation mode and returns one tensor.

    Args:
        model: The network; it stays as it is.
        x: Examples as the network takes them; a few hundred show which of its parts are used.
    """
    trace = trace_network(model, x)
    pairs, refused = foldable(model, x[:FEW], trace)
    copy = folded(model, pairs)
    parts = inventory(copy, trace)
    left_out = {name: reason for name, reason in parts.left_out.items() if name not in refused}
    weights = hidden_weights(model, x[:FEW])
    uncovered = parts.uncovered | refused | weights.altered | weights.uncovered
    return Reading(copy, parts.layers, uncovered, weights.uncovered, left_out, pairs, trace)


def read_like(model: nn.Module, reading: Reading) -> Inventory:
    """The layers of another network of the same architecture, folded at the same places."""
    return inventory(folded(model, reading.pairs), reading.trace)
