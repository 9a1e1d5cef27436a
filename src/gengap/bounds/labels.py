"""Labels and predicted labels of held-out examples: one reader, so that no type or name counts as an error."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.data import is_missing, plain_array
from gengap.errors import InputError, listed


def label_array(name: str, values: ArrayLike) -> NDArray[Any]:
    """The labels as text or as numbers, shape (N,); bytes are read as UTF-8 text.

    Raises:
        InputError: There is not one value for each example, one is missing, or they are not all text or all numbers.
    """
    array = one_for_each(name, values)
    if array.dtype.kind in "biufU":
        return array
    listed = array.tolist()
    if all(isinstance(value, str | bytes) for value in listed):
        return np.array([value if isinstance(value, str) else _decoded(name, value) for value in listed])
    if all(isinstance(value, int | float | np.number | np.bool_) for value in listed):
        plain = np.array(listed)
        if plain.dtype.kind in "biuf":
            return plain
    types = sorted({type(value).__name__ for value in listed})
    raise InputError(
        f"{name} holds values of type {', '.join(types)}.",
        expected="whole numbers, true and false, or text, the same kind for every example",
    )


def one_for_each(name: str, values: ArrayLike) -> NDArray[Any]:
    """Values of any kind, one for each example, shape (N,).

    Raises:
        InputError: They have another shape, there is none, or one is missing.
    """
    array = any_array(name, values)
    if array.ndim != 1 or array.size == 0:
        raise InputError(
            f"{name} has shape {array.shape}.", expected="one value for each held-out example, at least one"
        )
    missing = 0 if array.dtype.kind in "biuSU" else sum(map(is_missing, array.tolist()))
    if missing:
        raise InputError(
            f"{name} is missing (NaN or empty) for {missing:,} of {array.size:,} examples.",
            expected="a value for each",
            next_step="leave no example out because of its prediction; count a missing prediction as an error",
        )
    return array


def any_array(name: str, values: ArrayLike) -> NDArray[Any]:
    """The values as an array of any shape.

    Raises:
        InputError: Their rows have different lengths.
    """
    try:
        return plain_array(values)
    except ValueError:
        raise InputError(f"{name} has rows of different lengths.", expected="one value for each example") from None


def check_comparable(labels: NDArray[Any], predictions: NDArray[Any]) -> None:
    """Refuses predicted labels that would count as errors for their type alone.

    Raises:
        InputError: One is text and the other numbers, or there are fractions among the predicted labels only.
    """
    _check_kind("y_true", labels, "y_pred", predictions)
    if labels.dtype.kind == "U" or np.any(labels != np.floor(labels)):
        return
    fractions = predictions[predictions != np.floor(predictions)]
    if fractions.size:
        raise InputError(
            f"y_pred holds fractions ({fractions[0]:g}), y_true whole numbers.",
            expected="predicted labels",
            next_step="turn scores into labels with the threshold that will be used",
        )


def check_classes(labels: NDArray[Any], classes: Sequence[Any]) -> None:
    """Refuses labels that no column of probabilities stands for: all of their examples would count as errors.

    Raises:
        InputError: A label is none of the classes.
    """
    names = np.asarray(classes)
    _check_kind("y_true", labels, "the columns' classes", names)
    strange = labels[~np.isin(labels, names)]
    if strange.size:
        raise InputError(
            f"The label {strange.tolist()[0]!r:.40} has no probability column.",
            expected=f"labels among the columns' classes: {listed(classes)}",
            next_step="name the labels as the columns, or in arrays number them from 0 in the columns' order",
        )


def check_length(name: str, n: int, other: str, n_other: int) -> None:
    """Refuses two arrays that cannot be of the same examples.

    Raises:
        InputError: Their lengths differ.
    """
    if n != n_other:
        raise InputError(
            f"{name} has {n:,} values, {other} {n_other:,}.", expected="the same held-out examples in the same order"
        )


def _check_kind(name: str, one: NDArray[Any], other_name: str, other: NDArray[Any]) -> None:
    is_text = one.dtype.kind == "U"
    if is_text != (other.dtype.kind == "U"):
        kinds = ("text", "numbers") if is_text else ("numbers", "text")
        raise InputError(
            f"{name} holds {kinds[0]} ({one.tolist()[0]!r:.30}), {other_name} {kinds[1]} ({other.tolist()[0]!r:.30}).",
            expected="the same names for the classes in both",
            next_step="turn one into the kind of the other",
        )


def _decoded(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InputError(f"{name} holds bytes that are no text: {value!r:.40}.", expected="UTF-8 text") from None
