"""From predictions to bounded losses, one for each independent unit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.bounds import Floats, unit_losses
from gengap.data import plain_array
from gengap.errors import InputError

_SUM_TOLERANCE = 1e-3  # probabilities written with three decimals still sum to one within this, for up to two classes


def zero_one_losses(y_true: ArrayLike, y_pred: ArrayLike) -> Floats:
    """1 where the prediction is not the label, else 0; shape (N,).

    Args:
        y_true: Labels, shape (N,); class numbers from 0 where ``y_pred`` are probabilities.
        y_pred: Predicted labels, shape (N,), or class probabilities, shape (N, C).

    Raises:
        InputError: The two have different lengths or more than one axis, are empty, or a value is missing.
    """
    if np.ndim(y_pred) == 2:
        y_pred = predicted_labels(y_pred, range(np.shape(y_pred)[1]))
    labels, predictions = _labels("y_true", y_true), _labels("y_pred", y_pred)
    _same_length("y_true", labels.size, "y_pred", predictions.size)
    _comparable(labels, predictions)
    return np.asarray(labels != predictions, dtype=np.float64)


def brier_losses(y_true: ArrayLike, probabilities: ArrayLike, classes: Sequence[Any]) -> Floats:
    """Half the squared distance of the class probabilities from the label's: in [0, 1]; shape (N,).

    Source: Brier 1950, divided by its largest value, 2.

    Args:
        y_true: Labels, each one of ``classes``.
        probabilities: Class probabilities, shape (N, C).
        classes: The class of each column.

    Raises:
        InputError: As ``predicted_labels``, or a label is none of the classes.
    """
    labels, names, values = _labels("y_true", y_true), np.asarray(classes), _probabilities(probabilities, classes)
    _same_length("y_true", labels.size, "probabilities", len(values))
    hits = labels[:, None] == names[None, :]
    if not np.all(hits.any(axis=1)):
        bad = labels[~hits.any(axis=1)][0]
        raise InputError(
            f"The label {bad!s} has no probability column.", expected=f"one of {', '.join(map(str, names))}"
        )
    return np.asarray(np.minimum(((values - hits) ** 2).sum(axis=1) / 2, 1.0))


def predicted_labels(probabilities: ArrayLike, classes: Sequence[Any]) -> NDArray[Any]:
    """The class of largest probability, the first of equals; shape (N,).

    Raises:
        InputError: Probabilities are missing, outside [0, 1] or do not sum to one.
    """
    return np.asarray(np.asarray(classes)[_probabilities(probabilities, classes).argmax(axis=1)])


def scaled_losses(losses: ArrayLike, loss_bound: float) -> Floats:
    """Losses divided by the largest possible one; shape (N,).

    Raises:
        InputError: The largest loss is not positive and finite, or a loss is missing or outside [0, ``loss_bound``].
    """
    if not 0 < loss_bound < np.inf:
        raise InputError(f"loss_bound = {loss_bound:g} cannot be used.", expected="the largest possible loss, above 0")
    values = np.asarray(losses, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(f"losses have shape {values.shape}.", expected="one loss for each held-out example")
    if np.any(values > loss_bound):
        raise InputError(
            f"A loss of {values.max():g} is more than loss_bound = {loss_bound:g}.",
            expected="losses that can never exceed the bound",
            next_step="give a larger loss_bound, or cut the loss before it is measured",
        )
    return unit_losses(values / loss_bound)


def group_means(losses: Floats, groups: ArrayLike) -> Floats:
    """The mean loss of each group, in the order in which the groups first appear; shape (G,).

    Raises:
        InputError: There is not one group for each example, or a group is missing.
    """
    names = _labels("groups", groups).astype(str)
    _same_length("losses", losses.size, "groups", names.size)
    _, first, inverse = np.unique(names, return_index=True, return_inverse=True)
    means = np.bincount(inverse, weights=losses) / np.bincount(inverse)
    return np.asarray(np.minimum(means[np.argsort(first)], 1.0))


def _labels(name: str, values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0:
        raise InputError(
            f"{name} has shape {array.shape}.", expected="one value for each held-out example, at least one"
        )
    missing = np.array([value is None or value != value for value in plain_array(values)], dtype=bool)
    if np.any(missing):
        raise InputError(
            f"{name} is missing (NaN or empty) for {np.count_nonzero(missing):,} of {array.size:,} examples.",
            expected="a value for each",
            next_step="leave no example out because of its prediction; count a missing prediction as an error",
        )
    return array


def _comparable(labels: NDArray[Any], predictions: NDArray[Any]) -> None:
    """Refuses what would count as an error for its type alone."""
    numbers = [np.issubdtype(a.dtype, np.number) or a.dtype == bool for a in (labels, predictions)]
    if numbers[0] != numbers[1] and object not in (labels.dtype, predictions.dtype):
        raise InputError(
            f"One of labels and predictions is text, the other numbers: {labels[0]!s:.30}, {predictions[0]!s:.30}.",
            expected="the same names for the classes in both",
        )
    if all(numbers) and np.all(labels == np.floor(labels)) and np.any(predictions != np.floor(predictions)):
        raise InputError(
            f"y_pred holds fractions ({predictions[predictions != np.floor(predictions)][0]:g}), y_true whole numbers.",
            expected="predicted labels",
            next_step="turn scores into labels with the threshold that will be used",
        )


def _probabilities(values: ArrayLike, classes: Sequence[Any]) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != len(classes) or len(array) == 0:
        raise InputError(f"Probabilities have shape {array.shape}.", expected=f"examples x {len(classes)} classes")
    if not np.all((array >= 0) & (array <= 1)):  # NaN fails both
        row = int(np.flatnonzero(~np.all((array >= 0) & (array <= 1), axis=1))[0])
        raise InputError(
            f"Row {row + 1} holds a probability that is NaN or outside [0, 1].", expected="values in [0, 1]"
        )
    off = np.abs(array.sum(axis=1) - 1)
    if np.any(off > _SUM_TOLERANCE * len(classes) / 2):
        row = int(off.argmax())
        raise InputError(
            f"The probabilities of row {row + 1} sum to {array[row].sum():.6g}.",
            expected="class probabilities that sum to one",
            next_step="apply softmax to logits, and give every class a column",
        )
    return array


def _same_length(one: str, n_one: int, other: str, n_other: int) -> None:
    if n_one != n_other:
        raise InputError(
            f"{one} has {n_one:,} values, {other} {n_other:,}.", expected="the same held-out examples in the same order"
        )
