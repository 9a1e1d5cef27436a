"""From predictions to bounded losses, one for each independent unit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.arguments import real_number
from gengap.arrays import Floats
from gengap.bounds.inputs import unit_losses
from gengap.bounds.labels import any_array, check_classes, check_comparable, check_length, label_array, one_for_each
from gengap.errors import InputError, apart, exact, listed

_DECIMALS = 5e-4  # each probability may be off by this: written with three decimals
_BFLOAT16 = (
    2.0**-7
)  # the sum may be off by this in bfloat16: each value is rounded by up to 2^-8 of it, and so is their sum


def zero_one_losses(y_true: ArrayLike, y_pred: ArrayLike) -> Floats:
    """1 where the prediction is not the label, else 0; shape (N,).

    Args:
        y_true: Labels, shape (N,); class numbers from 0 where ``y_pred`` are probabilities.
        y_pred: Predicted labels, shape (N,), or class probabilities, shape (N, C).

    Raises:
        InputError: The two have different lengths or more than one axis, are empty, a value is missing, labels cannot
            be compared with predictions for their type, or a label has no column.
    """
    labels, given = label_array("y_true", y_true), any_array("y_pred", y_pred)
    if given.ndim == 2:
        classes = range(given.shape[1])
        predictions = predicted_labels(given, classes)
        check_classes(labels, classes)
    else:
        predictions = label_array("y_pred", given)
    check_length("y_true", labels.size, "y_pred", predictions.size)
    check_comparable(labels, predictions)
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
    labels, values = label_array("y_true", y_true), _probabilities(probabilities, classes)
    check_length("y_true", labels.size, "probabilities", len(values))
    check_classes(labels, classes)
    hits = labels[:, None] == np.asarray(classes)[None, :]
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
        InputError: The largest loss is not positive and finite, or a loss is missing, no number, or outside
            [0, ``loss_bound``].
    """
    loss_bound = real_number(loss_bound, "loss_bound", above=0, next_step="give the largest possible loss")
    values = _floats("losses", losses)
    if values.ndim != 1:
        raise InputError(f"losses have shape {values.shape}.", expected="one loss for each held-out example")
    if np.any(values > loss_bound):
        raise InputError(
            f"A loss of {exact(values.max())} is more than loss_bound = {exact(loss_bound)}.",
            expected="losses that can never exceed the bound",
            next_step="give a larger loss_bound, or cut the loss before it is measured",
        )
    return unit_losses(values / loss_bound)


def group_means(losses: Floats, groups: ArrayLike, *, name: str = "groups") -> Floats:
    """The mean loss of each group, in the order of the groups' names; shape (G,).

    Args:
        losses: Shape (N,).
        groups: The group of each example, shape (N,).
        name: What errors call the groups.

    Raises:
        InputError: There is not one group for each example, or a group is missing.
    """
    losses = unit_losses(losses)
    names = one_for_each(name, groups).astype(str)
    check_length("losses", losses.size, name, names.size)
    _, inverse = np.unique(names, return_inverse=True)
    return np.asarray(np.minimum(np.bincount(inverse, weights=losses) / np.bincount(inverse), 1.0))


def _probabilities(values: ArrayLike, classes: Sequence[Any]) -> Floats:
    array = _floats("Probabilities", values)
    if array.ndim != 2 or array.shape[1] != len(classes) or len(array) == 0:
        raise InputError(f"Probabilities have shape {array.shape}.", expected=f"examples x {len(classes)} classes")
    if not np.all((array >= 0) & (array <= 1)):  # NaN fails both
        row = int(np.flatnonzero(~np.all((array >= 0) & (array <= 1), axis=1))[0])
        raise InputError(
            f"Row {row + 1} holds a probability that is NaN or outside [0, 1].", expected="values in [0, 1]"
        )
    off = np.abs(array.sum(axis=1) - 1)
    if np.any(off > _sum_tolerance(array)):
        row = int(off.argmax())
        raise InputError(
            f"The probabilities of row {row + 1} sum to {apart(float(array[row].sum()), 1)}.",
            expected=f"class probabilities that sum to one, for the classes {listed(classes)}",
            next_step="apply softmax to logits, and give every class a column and nothing else",
        )
    return array


def _sum_tolerance(probabilities: Floats) -> float:
    """How far from one rounding may leave the sum of a row: to three decimals, or to a format that all values fit.

    float32 has as many digits as decimals need, float16 (2^-11 of a value) nearly; bfloat16 has fewer.
    """
    single = probabilities.astype(np.float32)
    in_bfloat16 = np.array_equal(single, probabilities) and not np.any(single.view(np.uint32) & 0xFFFF)
    tolerance: float = max(_DECIMALS * probabilities.shape[1], _BFLOAT16 if in_bfloat16 else 0.0)
    return tolerance + 1e-9  # so that 0.999 is as near as 1.001


def _floats(name: str, values: ArrayLike) -> Floats:
    from gengap.data import plain_array  # here, since counts need no data and start faster without

    try:
        return np.asarray(plain_array(values), dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        shown = " ".join(str(values).split())
        raise InputError(f"{name} are not all numbers: {shown:.60}.", expected="numbers") from None
