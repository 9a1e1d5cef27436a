"""Corrupts a user's own torch dataset item by item, without copying it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.corruptions.apply import check_level, check_seed
from gengap.data.corruptions.registry import Draw, InputCorruption, LabelCorruption, SplitName, find_corruption
from gengap.data.torch_dataset import length, pair
from gengap.errors import InputError


class CorruptedDataset:
    """A map-style dataset whose items are those of ``dataset``, corrupted.

    Item i is what ``corrupt`` makes of example i of the Problem ``from_datasets`` builds, for the same seed, so
    labels and pixels of one agree with those of the other; only where a random transform returns another input each
    time is there nothing to agree with. Items are corrupted when asked for, after the dataset's own transform: a
    crop belongs there. Works under a ``DataLoader`` with workers.

    Args:
        dataset: Items are ``(input, label)``; inputs are tensors or arrays, images ``[C, H, W]`` or rows ``[D]``.
        corruption: One of ``corruption_names()``.
        level: As for ``corrupt``.
        seed: At least 0.
        classes: The classes' names, or how many there are; by default the dataset's own ``classes``. Labels may be
            indices or, where names are given, names; items carry indices.
        split: Whether the examples are ``"train"`` or ``"test"`` examples, which have randomness of their own.
        train: The training dataset, from which a corruption such as ``gaussian`` takes mean and
            variance; by default ``dataset`` itself.
        vocabulary: Number of different tokens, for corruptions of tokens ``[T]``.

    Raises:
        InputError: What ``corrupt`` refuses, a corruption of labels without classes, or of tokens without vocabulary.
    """

    def __init__(
        self,
        dataset: Any,
        corruption: str,
        *,
        level: float = 1.0,
        seed: int = 0,
        classes: Sequence[str] | int | None = None,
        split: SplitName = "train",
        train: Any = None,
        vocabulary: int | None = None,
    ):
        self.dataset, self.level, self.seed = dataset, level, seed
        self.corruption = find_corruption(corruption)
        check_level(self.corruption, level)
        check_seed(seed)
        classes = getattr(dataset, "classes", None) if classes is None else classes
        self.classes = tuple(map(str, range(classes) if isinstance(classes, int) else classes or ()))
        self._index = {name: index for index, name in enumerate(self.classes)}
        kind = getattr(self.corruption, "inputs", None)
        if kind is not None and (kind == "tokens") != (vocabulary is not None):
            raise InputError(
                f"Corruption {corruption!r} is for {kind}.", expected="a vocabulary= with tokens, and none with numbers"
            )
        self._draw = Draw(seed, split, vocabulary=vocabulary or 1)
        self._replaced: NDArray[np.bool_] | None = None
        if isinstance(self.corruption, LabelCorruption):
            self._draw_labels(self.corruption)
        elif self.corruption.moments and level == 1:
            mean, deviation = _moments(dataset if train is None else train)
            self._draw = replace(self._draw, mean=mean, deviation=deviation)

    def __len__(self) -> int:
        return length(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        index = range(len(self))[index]  # negative ones count from the end; IndexError past it
        x, label = pair(self.dataset, index)
        if isinstance(self.corruption, LabelCorruption):
            return x, self._label(index, label)
        return (self._input(self.corruption, index, x) if self.level == 1 else x), label

    def _draw_labels(self, corruption: LabelCorruption) -> None:
        if len(self.classes) < 2:
            raise InputError(
                f"How many classes {type(self.dataset).__name__} has is not said.",
                expected="classes=, the names of two classes or more, or their number",
            )
        n, n_classes = len(self), len(self.classes)
        self._replaced, self._replacement = corruption.function(n, n_classes, self.level, self._draw)

    def _label(self, index: int, label: Any) -> int:
        if self._replaced is not None and self._replaced[index]:
            return int(self._replacement[index])
        return self._index[label] if isinstance(label, str) else int(label)

    def _input(self, corruption: InputCorruption, index: int, x: Any) -> Any:
        if not hasattr(x, "shape"):
            raise InputError(
                f"Input {index} of {type(self.dataset).__name__} is a {type(x).__name__}.",
                expected="a tensor or an array",
                next_step="convert images in the dataset's transform",
            )
        out = corruption.function(np.asarray(x)[None], np.array([index]), self._draw)[0]
        if isinstance(x, np.ndarray):
            return out
        import torch

        return torch.from_numpy(out)


def _moments(dataset: Any) -> tuple[float, float]:
    """Mean and standard deviation over all values of all inputs, in one pass."""
    count, total, squares = 0, 0.0, 0.0
    for index in range(length(dataset)):
        x = np.asarray(pair(dataset, index)[0], dtype=np.float64)
        count, total, squares = count + x.size, total + float(x.sum()), squares + float((x * x).sum())
    mean = total / count
    return mean, float(np.sqrt(max(squares / count - mean * mean, 0.0)))
