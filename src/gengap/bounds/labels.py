"""Labels and predicted labels of held-out examples: one reader, so that no type or name counts as an error."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.errors import InputError, listed

_FEW_CLASSES = (
    50  # more different numbers than that, and than half of the examples, are measurements rather than classes
)


def label_array(name: str, values: ArrayLike) -> NDArray[Any]:
    """The labels as text or as numbers, shape (N,); bytes are read as UTF-8 text.

    Raises:
        InputError: There is not one value for each example, one is missing, or they are not all text or all numbers.
    """
    array = one_for_each(name, values)
    if array.dtype.kind in "biufU":
        return array
    values_list = array.tolist()
    if all(isinstance(value, str | bytes) for value in values_list):
        return np.array([value if isinstance(value, str) else _decoded(name, value) for value in values_list])
    if all(isinstance(value, int | float | np.number | np.bool_) for value in values_list):
        plain = np.array(values_list)
        if plain.dtype.kind in "biuf":
            return plain
    types = sorted({type(value).__name__ for value in values_list})
    raise InputError(
        f"{name} holds values of type {', '.join(types)}.",
        expected="whole numbers, true and false, or text, the same kind for every example",
    )


def one_for_each(name: str, values: ArrayLike) -> NDArray[Any]:
    """Values of any kind, one for each example, shape (N,).

    Raises:
        InputError: They have another shape, there is none, or one is missing.
    """
    from gengap.data import is_missing  # here, since counts need no labels and start faster without

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
    from gengap.data import plain_array

    try:
        return plain_array(values)
    except ValueError:
        raise InputError(f"{name} has rows of different lengths.", expected="one value for each example") from None


def check_comparable(labels: NDArray[Any], predictions: NDArray[Any]) -> None:
    """Refuses predicted labels that would count as errors for their type, spelling or numbering alone.

    Raises:
        InputError: One is text and the other numbers; there are fractions; a predicted label is one of ``y_true`` in
            another spelling; or the classes of one are numbered from 0 and those of the other from 1.
    """
    _check_kind("y_true", labels, "y_pred", predictions)
    if labels.dtype.kind == "U":
        _check_spelling(labels, predictions)
        return
    for name, values in (("y_true", labels), ("y_pred", predictions)):
        fractions = values[values != np.floor(values)]
        if fractions.size and name == "y_true":
            raise InputError(
                f"y_true holds real numbers ({fractions[0]:g}), which are hardly ever hit exactly.",
                expected="class labels: text or whole numbers",
                next_step="certify a bounded loss instead, such as the absolute error: --loss absolute --loss-bound B "
                "(in Python: losses with loss_bound)",
            )
        if fractions.size:
            raise InputError(
                f"y_pred holds fractions ({fractions[0]:g}), y_true whole numbers.",
                expected="predicted labels",
                next_step="turn scores into labels with the threshold that will be used",
            )
    _check_numbering(labels, predictions)


def label_remarks(y_true: ArrayLike, y_pred: ArrayLike) -> list[str]:
    """What a reader should know of labels that can be compared, one sentence each.

    >>> label_remarks([0, 1, 0], [0, 1, 2])
    ['y_pred holds 1 label that y_true never has, 2: its 1 prediction counts as an error.']
    """
    labels, predictions = any_array("y_true", y_true), any_array("y_pred", y_pred)
    if labels.ndim != 1 or predictions.ndim != 1:
        return []
    known, strange, remarks = set(labels.tolist()), Counter(predictions.tolist()), []
    for label in known & strange.keys():
        del strange[label]
    if strange:
        one, of_them = len(strange) == 1, strange.total()
        verb = "counts as an error" if of_them == 1 else "count as errors"
        remarks.append(
            f"y_pred holds {len(strange):,} label{'s' * (not one)} that y_true never has, {listed(list(strange))}: "
            f"{'its' if one else 'their'} {of_them:,} prediction{'s' * (of_them != 1)} {verb}."
        )
    if labels.dtype.kind in "iuf" and len(known) > max(_FEW_CLASSES, labels.size / 2):
        remarks.append(
            f"y_true holds {len(known):,} different numbers in {labels.size:,} examples: if they are measurements and "
            "no classes, certify a bounded loss instead."
        )
    return remarks


def _check_spelling(labels: NDArray[Any], predictions: NDArray[Any]) -> None:
    known = set(labels.tolist())
    strange = sorted(set(predictions.tolist()) - known)
    if not strange:
        return
    spellings = {_plain_spelling(label): label for label in sorted(known)}
    for label in strange:
        if _plain_spelling(label) in spellings:
            raise InputError(
                f"y_pred holds {label!r:.40}, y_true {spellings[_plain_spelling(label)]!r:.40}: as they stand, they "
                "are different classes.",
                expected="one spelling for each class in both",
                next_step="write both alike",
            )


def _plain_spelling(label: str) -> str:
    """A label without what people take for no difference: case, outer spaces, the form of its letters or its number."""
    text = unicodedata.normalize("NFKC", label).strip().casefold()
    try:
        return repr(float(text))
    except ValueError:
        return text


def _check_numbering(labels: NDArray[Any], predictions: NDArray[Any]) -> None:
    """Refuses predictions whose range lies one above or below that of the labels where shifting them fits better."""
    if labels.dtype.kind == "b" or predictions.dtype.kind == "b" or labels.size != predictions.size:
        return
    low, high = float(labels.min()), float(labels.max())
    below, above = float(predictions.min()) - low, float(predictions.max()) - high
    shift = 1 if below > 0 and above > 0 else -1 if below < 0 and above < 0 else 0
    if shift == 0 or low == high:
        return
    hits, shifted = int(np.sum(labels == predictions)), int(np.sum(labels == predictions - float(shift)))
    if shifted > hits:
        what = "All" if shifted == labels.size else f"{shifted:,} of {labels.size:,}"
        where = "above" if shift > 0 else "below"
        raise InputError(
            f"{what} predictions are one {where} the labels, and {hits:,} equal them.",
            expected="classes numbered alike in y_true and y_pred",
            next_step=f"number both from {low:g}; is {'y_pred' if shift > 0 else 'y_true'} numbered from 1?",
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
