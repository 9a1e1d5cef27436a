"""A Problem from map-style torch datasets, or from anything that has a length and items."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.arrays import Layout, from_arrays, is_tensor
from gengap.data.problem import Problem
from gengap.errors import InputError


def from_datasets(
    train: Any,
    test: Any,
    *,
    classes: Sequence[str] | None = None,
    name: str = "data",
    layout: Layout | None = None,
    vocabulary: int | None = None,
) -> Problem:
    """A Problem with the examples of two map-style datasets, whose items are ``(input, label)``.

    Inputs may be tensors, arrays or PIL images, labels whole numbers or strings; see ``from_arrays``. Each item is
    taken once, so what a random transform does is frozen.

    Args:
        train: The training dataset.
        test: The test dataset.
        classes: Names of the classes; by default the training dataset's ``classes`` if it has any, else the labels.
        name: What to call the Problem.
        layout: How images are stored, ``"channels-first"`` or ``"channels-last"``; None takes tensors' channels to come
            first, and guesses of arrays and PIL images; see ``from_arrays``.
        vocabulary: Number of different tokens, where inputs are tokens ``[T]``.

    Raises:
        InputError: A dataset without length, an item that is no pair, inputs whose shapes differ.
    """
    if classes is None:
        classes = getattr(train, "classes", None)
    x_train, y_train = _stack(train, "training")
    x_test, y_test = _stack(test, "test")
    if layout is None and x_train.ndim == 4 and any(is_tensor(pair(split, 0)[0]) for split in (train, test)):
        layout = "channels-first"
    origin = type(train).__name__
    arrays = x_train, y_train, x_test, y_test
    return from_arrays(*arrays, name=name, classes=classes, origin=origin, layout=layout, vocabulary=vocabulary)


def pair(dataset: Any, index: int) -> tuple[Any, Any]:
    """Input and label of one item.

    Raises:
        InputError: The item is no pair.
    """
    item = dataset[index]
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise InputError(
            f"Item {index} of {type(dataset).__name__} is a {type(item).__name__}.", expected="a pair (input, label)"
        )
    return item[0], item[1]


def length(dataset: Any) -> int:
    """Number of items.

    Raises:
        InputError: The dataset has no length or no items by index.
    """
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise InputError(
            f"{type(dataset).__name__} is no map-style dataset.",
            expected="an object with __len__ and __getitem__",
            next_step="an iterable dataset must be collected into a list first",
        )
    return len(dataset)


def _stack(dataset: Any, split: str) -> tuple[NDArray[Any], list[Any]]:
    inputs: list[NDArray[Any]] = []
    labels: list[Any] = []
    for index in range(length(dataset)):
        x, y = pair(dataset, index)
        inputs.append(np.asarray(x))
        if (shape := np.asarray(y).shape) not in ((), (1,)):
            raise InputError(
                f"Label {index} of the {split} dataset has shape {shape}.", expected="one class for each example"
            )
        labels.append(y.item() if hasattr(y, "item") else y)
        if inputs[-1].shape != inputs[0].shape:
            raise InputError(
                f"The {split} inputs 0 and {index} have shapes {inputs[0].shape} and {inputs[-1].shape}.",
                expected="one shape for all examples",
            )
    if not inputs:
        raise InputError(f"The {split} dataset is empty.", expected="at least one example in each split")
    return np.stack(inputs), labels
