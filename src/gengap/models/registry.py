"""The registry of named networks: decorators that register a constructor under a name, or a family of any size."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from torch import nn

Shape = tuple[int, ...]
Constructor = Callable[..., nn.Module]


@dataclass(frozen=True)
class Network:
    """A registered network.

    Attributes:
        name: What users call it.
        make: Constructor, called with (input shape, number of classes, dropout probability) and, of a network for
            tokens, the size of the vocabulary.
        input_shape: The shape at which the paper gives the parameter count.
        source: Paper and place, and whether the architecture is stated there.
        smallest: Smallest side of an image in pixels; None where any ``[D]`` or ``[C, H, W]`` will do.
        vocabulary: Of a network for tokens ``[T]``, the size at which its parameters are counted; None for numbers.
    """

    name: str
    make: Constructor
    input_shape: Shape
    source: str
    smallest: int | None
    vocabulary: int | None = None


NETWORKS: dict[str, Network] = {}


def network(
    name: str, *, input_shape: Shape, source: str, smallest: int | None = None, vocabulary: int | None = None
) -> Callable[[Constructor], Constructor]:
    """Decorator that registers a constructor under ``name``; the arguments are those of ``Network``."""

    def register(make: Constructor) -> Constructor:
        NETWORKS[name] = Network(name, make, input_shape, source, smallest, vocabulary)
        return make

    return register


class Sized(Protocol):
    """Constructor of a family's networks."""

    def __call__(self, input_shape: Shape, n_classes: int, dropout: float, /, *, depth: int, width: int) -> nn.Module:
        """A freshly initialised network."""


FAMILIES: dict[str, Callable[[int, int], Network]] = {}
LARGEST = 1_000, 100_000  # depth and width that are no slip of the pen


def family(name: str, *, smallest: int | None = None) -> Callable[[Sized], Sized]:
    """Decorator that registers a constructor's networks as ``name-DEPTHxWIDTH``; ``smallest`` is as in ``Network``."""

    def register(make: Sized) -> Sized:
        def member(depth: int, width: int) -> Network:
            source = (make.__doc__ or "").partition("\n")[0]
            return Network(f"{name}-{depth}x{width}", partial(make, depth=depth, width=width), (), source, smallest)

        FAMILIES[name] = member
        return make

    return register


def find_network(name: str) -> Network | None:
    """The registered network of that name, or the one of that size of a family; None where there is neither."""
    sized = re.fullmatch(r"(\w+)-([1-9]\d{0,5})x([1-9]\d{0,5})", name)
    if name in NETWORKS or sized is None or sized[1] not in FAMILIES:
        return NETWORKS.get(name)
    depth, width = int(sized[2]), int(sized[3])
    return FAMILIES[sized[1]](depth, width) if depth <= LARGEST[0] and width <= LARGEST[1] else None
