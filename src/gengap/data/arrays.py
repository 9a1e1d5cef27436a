"""A Problem from arrays: where every loader of a user's own data ends."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.labels import encode_labels
from gengap.data.problem import Preprocessing, Problem, Split
from gengap.errors import InputError

# What PyTorch takes.
FLOATS = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64))


def from_arrays(
    x_train: Any,
    y_train: Any,
    x_test: Any,
    y_test: Any,
    *,
    name: str = "data",
    classes: Sequence[str] | None = None,
    origin: str = "arrays",
) -> Problem:
    """A Problem from arrays of inputs and labels.

    Inputs are tables ``[N, D]`` or images ``[N, C, H, W]``. Grey images ``[N, H, W]`` get a channel axis. Images
    ``[N, H, W, C]`` are recognised by a last axis of 1, 3 or 4 where the second axis is none of these, and are
    transposed. Images of bytes are whitened on their way into a model; anything else goes in as it is.

    Args:
        x_train: Training inputs: uint8 and native floats are kept as they are; other whole numbers become float32.
        y_train: Training labels; see ``encode_labels``.
        x_test: Test inputs.
        y_test: Test labels.
        name: What to call the Problem.
        classes: Names of the classes in the order of their indices; by default the distinct labels.
        origin: Where the arrays came from, for people.

    Raises:
        InputError: What ``Problem`` and ``encode_labels`` refuse, or inputs that are no numbers.
    """
    train, test, names = encode_labels(y_train, y_test, classes)
    x = [_inputs(inputs, split) for inputs, split in ((x_train, "training"), (x_test, "test"))]
    images = x[0].ndim == 4 and x[0].dtype == np.uint8
    preprocessing = Preprocessing(scale="whiten" if images else "none")
    return Problem(name, Split(x[0], train), Split(x[1], test), names, origin, preprocessing)


def _inputs(values: Any, split: str) -> NDArray[Any]:
    x = np.asarray(values)
    if x.dtype.kind not in "biuf":
        raise InputError(f"The {split} inputs are of type {x.dtype}.", expected="numbers")
    if x.dtype.kind == "f" and x.dtype not in FLOATS:  # of another byte order, or longer than any that PyTorch has
        x = x.astype(np.float64 if x.dtype.itemsize > 4 else np.float32)
    elif x.dtype != np.uint8 and x.dtype.kind != "f":
        x = x.astype(np.float32)
    if x.ndim == 3:
        return x[:, None]
    channels = (1, 3, 4)
    if x.ndim == 4 and x.shape[3] in channels and x.shape[1] not in channels:
        return x.transpose(0, 3, 1, 2)
    return x
