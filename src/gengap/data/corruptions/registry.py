"""The registry of corruptions: of labels and of inputs."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gengap.errors import unknown
from gengap.seeds import generator, stream

SplitName = Literal["train", "test"]


@dataclass(frozen=True)
class Draw:
    """The random streams of one corruption on one split, and the moments of the training inputs.

    Attributes:
        seed: The user's seed.
        split: Training and test examples use separate streams.
        mean, deviation: Of all values of the training inputs; NaN for a corruption that is not registered with
            ``moments=True``.
        vocabulary: Number of different tokens; 1 where inputs are numbers.
    """

    seed: int
    split: SplitName
    mean: float = math.nan
    deviation: float = math.nan
    vocabulary: int = 1

    def once(self, *purpose: str) -> np.random.Generator:
        """A generator for what is drawn once and shared by both splits, unless ``purpose`` names the split."""
        return generator(self.seed, *purpose)

    def examples(self, purpose: str, indices: NDArray[np.int64]) -> Iterator[np.random.Generator]:
        """For each example in turn, a generator that depends on its index alone, not on which others are asked for.

        One counter-based Philox serves all: example i begins at counter i * 2**192. It is set anew for each
        example, so finish with one before asking for the next.
        """
        bits = np.random.Philox(key=stream(self.seed, purpose, self.split))
        rng, state = np.random.Generator(bits), bits.state
        for index in indices:
            state["state"]["counter"][3] = index
            bits.state = state
            yield rng


LabelFunction = Callable[[int, int, float, Draw], tuple[NDArray[np.bool_], NDArray[np.int64]]]
InputFunction = Callable[[NDArray[Any], NDArray[np.int64], Draw], NDArray[Any]]


@dataclass(frozen=True)
class LabelCorruption:
    """Replaces labels.

    Attributes:
        name: What users call it.
        graded: Whether any level in [0, 1] is possible, not only 0 and 1.
        function: ``(N, C, level, draw)`` -> whether each label of a split is replaced ``[N]``, and by what ``[N]``.
        random: Whether it draws anything: one that does not is the same for all seeds, and recorded with seed 0.
    """

    name: str
    graded: bool
    function: LabelFunction
    random: bool = True


@dataclass(frozen=True)
class InputCorruption:
    """Replaces inputs, wholly (level 1) or not at all (level 0).

    Attributes:
        name: What users call it.
        function: ``(x, indices, draw)`` -> the corrupted inputs of the examples ``x`` ``[B, …]``, which are
            numbered ``indices`` ``[B]`` in their split.
        inputs: What it takes: ``numbers`` (pixels, features) or ``tokens``.
        random: As of a ``LabelCorruption``.
        moments: Whether it reads ``draw.mean`` and ``draw.deviation``, which take a pass over the training inputs.
    """

    name: str
    function: InputFunction
    inputs: Literal["numbers", "tokens"] = "numbers"
    random: bool = True
    moments: bool = False
    graded: bool = False


Corruption = LabelCorruption | InputCorruption
_REGISTERED: dict[str, Corruption] = {}


def label_corruption(name: str, *, graded: bool, random: bool = True) -> Callable[[LabelFunction], LabelFunction]:
    """Registers a function as the LabelCorruption ``name``."""

    def register(function: LabelFunction) -> LabelFunction:
        _REGISTERED[name] = LabelCorruption(name, graded, function, random)
        return function

    return register


def input_corruption(
    name: str, *, inputs: Literal["numbers", "tokens"] = "numbers", random: bool = True, moments: bool = False
) -> Callable[[InputFunction], InputFunction]:
    """Registers a function as the InputCorruption ``name``, of these inputs."""

    def register(function: InputFunction) -> InputFunction:
        _REGISTERED[name] = InputCorruption(name, function, inputs, random, moments)
        return function

    return register


def corruption_names() -> list[str]:
    """The names of all corruptions."""
    return sorted(_REGISTERED)


def changes_labels(name: str) -> bool:
    """Whether a name is that of a corruption of labels; False for an unknown one."""
    return isinstance(_REGISTERED.get(name), LabelCorruption)


def find_corruption(name: str) -> Corruption:
    """The corruption with this name.

    Raises:
        InputError: An unknown name; the message suggests the nearest ones.
    """
    if name not in _REGISTERED:
        raise unknown("corruption", name, _REGISTERED)
    return _REGISTERED[name]
