"""A Problem from arrays: where every loader of a user's own data ends."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gengap.data.labels import encode_labels
from gengap.data.problem import Problem
from gengap.data.rows import FileRows, Rows, in_memory_limit, mapped_rows, typed
from gengap.data.split import Preprocessing, Split
from gengap.data.tokens import token_array, vocabulary_of
from gengap.errors import InputError, unknown

Layout = Literal["channels-first", "channels-last"]
CHANNELS = (1, 3, 4)  # grey, colours, colours with opacity

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
    layout: Layout | None = None,
    vocabulary: int | None = None,
    masks: tuple[Any, Any] | None = None,
) -> Problem:
    """A Problem from arrays of inputs and labels.

    Inputs are tables ``[N, D]`` or images ``[N, C, H, W]``. Grey images ``[N, H, W]`` get a channel axis. Images
    ``[N, H, W, C]`` are transposed: of tensors, whose channels come first, only where ``layout`` says so; of arrays
    also where the last axis is 1, 3 or 4 and the second is none of these, a guess that ``Problem.seen_as`` states.
    Images of bytes are whitened on their way into a model; anything else goes in as it is. Where a vocabulary or masks
    are given, inputs are tokens ``[N, T]`` and stay whole numbers.

    An array that NumPy has mapped from a file (``np.load(path, mmap_mode="r")``) stays there if it is large: see
    ``gengap.data.rows``.

    Args:
        x_train: Training inputs: uint8 and native floats are kept as they are; other whole numbers become float32.
        y_train: Training labels; see ``encode_labels``.
        x_test: Test inputs.
        y_test: Test labels.
        name: What to call the Problem.
        classes: Names of the classes in the order of their indices; by default the distinct labels.
        origin: Where the arrays came from, for people.
        layout: ``"channels-first"`` or ``"channels-last"``, how images are stored; None for the guess.
        vocabulary: Number of different tokens; with masks alone it is the largest token plus one, a guess that
            ``Problem.seen_as`` states.
        masks: Of training and test tokens, 1 where there is a token and 0 where there is padding, ``[N, T]`` each.

    Raises:
        InputError: What ``Problem`` and ``encode_labels`` refuse, or inputs that are no numbers.
    """
    x_train, x_test = _left_in_files(x_train, x_test)
    train, test, names = encode_labels(y_train, y_test, classes)
    if vocabulary is not None or masks is not None:
        return _tokens((x_train, x_test), (train, test), masks, vocabulary, name, names, origin, layout)
    whole = (x_train if isinstance(x_train, Rows) else np.asarray(x_train)).dtype
    x = [_numbers(inputs, split) for inputs, split in ((x_train, "training"), (x_test, "test"))]
    layout, words = _layout(x[0], layout, guess=not any(map(is_tensor, (x_train, x_test))))
    x = [_as_images(inputs, layout) for inputs in x]
    if whole.kind in "iu" and whole != np.uint8 and x[0].ndim == 2:
        words = "whole numbers taken to be features, not tokens, as no vocabulary was given"
    images = x[0].ndim == 4 and x[0].dtype == np.uint8
    preprocessing = Preprocessing(scale="whiten" if images else "none")
    return Problem(name, Split(x[0], train), Split(x[1], test), names, origin, preprocessing, layout=words)


def _tokens(
    inputs: tuple[Any, Any],
    labels: tuple[NDArray[np.int64], NDArray[np.int64]],
    masks: tuple[Any, Any] | None,
    vocabulary: int | None,
    name: str,
    classes: tuple[str, ...],
    origin: str,
    layout: Layout | None,
) -> Problem:
    if layout is not None:
        raise InputError(f"Layout {layout} of tokens.", expected="images with three axes each")
    each = zip(inputs, masks or (None, None), ("training", "test"), strict=True)
    x = [token_array(tokens, mask, split) for tokens, mask, split in each]
    words = "" if vocabulary is not None else "a vocabulary taken from the largest token"
    size = vocabulary_of(*x) if vocabulary is None else vocabulary
    train, test = (Split(*pair) for pair in zip(x, labels, strict=True))
    return Problem(name, train, test, classes, origin, layout=words, vocabulary=size)


def is_tensor(values: Any) -> bool:
    """Whether these are PyTorch's tensors, whose channels come first; PyTorch itself need not be there."""
    return any(kind.__module__ == "torch" and kind.__name__ == "Tensor" for kind in type(values).__mro__)


def _layout(x: Any, layout: Layout | None, *, guess: bool) -> tuple[Layout, str]:
    """How stored images are to be read, and what is to be said of it."""
    if layout is not None and layout not in get_args(Layout):
        raise unknown("layout", layout, get_args(Layout))
    if layout is not None and x.ndim != 4:
        raise InputError(f"Layout {layout} of inputs of shape {x.shape}.", expected="images with three axes each")
    if layout is not None or not guess or x.ndim != 4:
        return layout or "channels-first", ""
    first, last = x.shape[1] in CHANNELS, x.shape[3] in CHANNELS
    if last and not first:
        return "channels-last", f"channels taken to be the last axis, since it has {x.shape[3]}"
    doubtful = x.shape[1] == x.shape[2] if first and last else not first  # squares, or no usual number of channels
    return "channels-first", f"channels taken to be the first axis, which has {x.shape[1]}" if doubtful else ""


def _left_in_files(*inputs: Any) -> list[Any]:
    """The inputs, those that are mapped from files as ``Rows`` where together they are large."""
    rows = [x if isinstance(x, Rows) else mapped_rows(x) for x in inputs]
    large = sum(x.nbytes for x in rows if x is not None) > in_memory_limit()
    return [x if own is None or not large else own for x, own in zip(inputs, rows, strict=True)]


def _numbers(values: Any, split: str) -> Any:
    x = values if isinstance(values, Rows) else np.asarray(values)
    if x.dtype.kind not in "biuf":
        raise InputError(f"The {split} inputs are of type {x.dtype}.", expected="numbers")
    if x.dtype.kind == "f" and x.dtype not in FLOATS:  # of another byte order, or longer than any that PyTorch has
        return typed(x, np.float64 if x.dtype.itemsize > 4 else np.float32)
    return x if x.dtype == np.uint8 or x.dtype.kind == "f" else typed(x, np.float32)


def _as_images(x: Any, layout: Layout) -> Any:
    last = x.ndim == 4 and layout == "channels-last"
    if isinstance(x, FileRows):
        return x.as_images("grey") if x.ndim == 3 else x.as_images("channels-last") if last else x
    if x.ndim == 3:
        return x[:, None]
    return x.transpose(0, 3, 1, 2) if last else x
