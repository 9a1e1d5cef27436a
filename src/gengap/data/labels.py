"""Labels of any kind as class indices, with the names of the classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.errors import InputError


def encode_labels(
    y_train: Any, y_test: Any, classes: Sequence[str] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[str, ...]]:
    """Class indices of both splits, and the classes' names.

    Without ``classes``, the classes are the distinct labels of both splits in order (of number, or of the
    alphabet), so labels 0, …, C-1 stay what they are. With ``classes``, whole numbers are indices into it and
    strings are its members.

    Args:
        y_train: Training labels, ``[N]`` or ``[N, 1]``: whole numbers (of any type), booleans, strings.
        y_test: Test labels, of the same kind.
        classes: Names of the classes in the order of their indices.

    Raises:
        InputError: Labels are missing (NaN, None, empty), fractional, of another shape or type, or unknown.

    >>> encode_labels(["cat", "dog"], ["dog"])
    (array([0, 1]), array([1]), ('cat', 'dog'))
    """
    train, test = _clean(y_train, "training"), _clean(y_test, "test")
    if train.dtype.kind != test.dtype.kind and train.size and test.size:
        train, test = train.astype(str), test.astype(str)
    if classes is not None:
        names = tuple(map(str, classes))
        return _index(train, names), _index(test, names), names
    values = np.unique(np.concatenate([train, test]) if train.size and test.size else (train if train.size else test))
    names = tuple(map(str, values))
    return np.searchsorted(values, train).astype(np.int64), np.searchsorted(values, test).astype(np.int64), names


def plain_array(values: Any) -> NDArray[Any]:
    """The values as an array, in which what is missing (None, NaN) stays so and becomes no text.

    Tensors of PyTorch may be on a GPU, need gradients, or be of a type that NumPy lacks (bfloat16).
    """
    if hasattr(values, "detach") and hasattr(values, "cpu"):
        values = values.detach().cpu()
        values = (values.float() if str(values.dtype) == "torch.bfloat16" else values).numpy()
    array = np.asarray(values)
    is_text = array.dtype.kind in "US" and not isinstance(values, np.ndarray)
    return np.array(values, dtype=object) if is_text else array


def is_missing(value: Any) -> bool:
    """Whether a label is None, NaN or pandas' NA.

    >>> [is_missing(value) for value in (None, float("nan"), "", 0)]
    [True, True, False, False]
    """
    try:
        return value is None or bool(value != value)
    except TypeError:  # NA is neither equal to itself nor unequal
        return True
    except ValueError:  # an array: no label, but not missing
        return False


def _clean(y: Any, split: str) -> NDArray[Any]:
    """The labels as int64 or as strings, ``[N]``."""
    labels = plain_array(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise InputError(f"The {split} labels have shape {labels.shape}.", expected="one label for each example, [N]")
    if labels.dtype.kind in "biu":
        return labels.astype(np.int64)
    if labels.dtype.kind == "f":
        return _whole(labels, split)
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8")
    if labels.dtype.kind not in "UTO":
        raise InputError(f"The {split} labels are of type {labels.dtype}.", expected="whole numbers or strings")
    return _texts(labels, split)


def _whole(labels: NDArray[Any], split: str) -> NDArray[np.int64]:
    _refuse_missing(np.isnan(labels), split)
    fractional = np.flatnonzero(labels != np.rint(labels))
    if fractional.size or np.isinf(labels).any():
        first = int(fractional[0]) if fractional.size else int(np.flatnonzero(np.isinf(labels))[0])
        raise InputError(
            f"Label {labels[first]} of {split} example {first} is no whole number.",
            expected="classes: whole numbers or strings",
            next_step="for a regression target, cut it into classes first",
        )
    return labels.astype(np.int64)


def _texts(labels: NDArray[Any], split: str) -> NDArray[Any]:
    """An array of objects: whole numbers if all are numbers, else strings."""
    values = labels.tolist()
    missing = [is_missing(value) or (isinstance(value, str) and not value.strip()) for value in values]
    _refuse_missing(np.array(missing, bool), split)
    if values and all(isinstance(value, int | float | np.number) for value in values):
        return _whole(np.array(values, float), split)
    return np.array([value.decode() if isinstance(value, bytes) else str(value) for value in values], dtype=str)


def _refuse_missing(missing: NDArray[np.bool_], split: str) -> None:
    if missing.any():
        raise InputError(
            f"{int(missing.sum())} {split} label(s) are missing, the first of example {int(missing.argmax())}.",
            expected="a label for each example",
            next_step="drop the examples without one",
        )


def _index(labels: NDArray[Any], names: tuple[str, ...]) -> NDArray[np.int64]:
    if labels.dtype.kind == "i":
        return labels.astype(np.int64)  # Problem checks their range
    index = {name: i for i, name in enumerate(names)}
    strange = sorted(set(labels.tolist()) - set(names))
    if strange:
        raise InputError(f"Label {strange[0]!r} is not among the classes.", expected=", ".join(names[:20]))
    return np.array([index[label] for label in labels.tolist()], np.int64)
