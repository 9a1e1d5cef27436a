"""The registry of named networks: a decorator that registers a constructor under a name."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

Shape = tuple[int, ...]
Constructor = Callable[[Shape, int, float], nn.Module]


@dataclass(frozen=True)
class Network:
    """A registered network.

    Attributes:
        name: What users call it.
        make: Constructor, called with (input shape, number of classes, dropout probability).
        input_shape: The shape at which the paper gives the parameter count.
        source: Paper and place, and whether the architecture is stated there.
        smallest: Smallest side of an image in pixels; None where any ``[D]`` or ``[C, H, W]`` will do.
    """

    name: str
    make: Constructor
    input_shape: Shape
    source: str
    smallest: int | None


NETWORKS: dict[str, Network] = {}


def network(
    name: str, *, input_shape: Shape, source: str, smallest: int | None = None
) -> Callable[[Constructor], Constructor]:
    """Decorator that registers a constructor under ``name``; the arguments are those of ``Network``."""

    def register(make: Constructor) -> Constructor:
        NETWORKS[name] = Network(name, make, input_shape, source, smallest)
        return make

    return register
