from typing import Any

import numpy as np
import pandas as pd
import pytest

from gengap.data import from_arrays
from gengap.data.labels import encode_labels
from gengap.errors import InputError

GOOD: dict[str, tuple[Any, Any, list[int], tuple[str, ...]]] = {
    "indices": ([2, 0, 1], [0], [2, 0, 1], ("0", "1", "2")),
    "gaps and signs": ([-1, 1, -1], [1], [0, 1, 0], ("-1", "1")),
    "only in test": ([0, 1], [2], [0, 1], ("0", "1", "2")),
    "numeric order": ([10, 9, 2], [2], [2, 1, 0], ("2", "9", "10")),
    "whole floats": (np.array([1.0, 0.0]), np.array([1.0]), [1, 0], ("0", "1")),
    "column": (np.array([[1], [0]]), np.array([[1]]), [1, 0], ("0", "1")),
    "booleans": (np.array([True, False]), np.array([True]), [1, 0], ("0", "1")),
    "strings": (["dog", "cat"], ["dog"], [1, 0], ("cat", "dog")),
    "bytes": (np.array([b"dog", b"cat"]), np.array([b"dog"]), [1, 0], ("cat", "dog")),
    "objects": (np.array(["é", "z"], object), ["z"], [1, 0], ("z", "é")),
}


@pytest.mark.parametrize(("train", "test", "indices", "classes"), GOOD.values(), ids=GOOD.keys())
def test_labels_become_indices_and_names_are_kept(
    train: Any, test: Any, indices: list[int], classes: tuple[str, ...]
) -> None:
    y_train, y_test, names = encode_labels(train, test)
    assert (y_train.tolist(), names) == (indices, classes)
    assert y_train.dtype == y_test.dtype == np.int64
    assert [names[i] for i in y_test] == [str(classes[i]) for i in y_test]


def test_given_classes_fix_the_order() -> None:
    y, _, names = encode_labels(["cat", "dog"], ["cat"], classes=("dog", "cat", "cow"))
    assert y.tolist() == [1, 0]
    assert names == ("dog", "cat", "cow")


BAD: dict[str, tuple[Any, str]] = {
    "fractional": (np.array([0, 0.5]), "Label 0.5 of training example 1 is no whole number"),
    "infinite": (np.array([0, np.inf]), "Label inf of training example 1"),
    "NaN": (np.array([0, np.nan]), r"1 training label\(s\) are missing, the first of example 1"),
    "None": (["a", None], "the first of example 1"),
    "NaN among strings": (["a", float("nan")], r"1 training label\(s\) are missing, the first of example 1"),
    "empty": (["", "a"], r"1 training label\(s\) are missing, the first of example 0"),
    "NA among strings": (pd.Series(["a", None], dtype="string"), r"missing, the first of example 1"),
    "NA among booleans": (pd.Series([True, None], dtype="boolean"), r"missing, the first of example 1"),
    "one-hot": (np.eye(3), r"shape \(3, 3\)"),
    "complex": (np.array([1j, 0]), "type complex128"),
}


@pytest.mark.parametrize(("train", "message"), BAD.values(), ids=BAD.keys())
def test_bad_labels_are_refused(train: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        encode_labels(train, ["a", "b"])
    assert len(str(raised.value).splitlines()) <= 3


def test_a_label_that_is_no_class_is_named() -> None:
    with pytest.raises(InputError, match="Label 'cow' is not among the classes"):
        encode_labels(["cat"], ["cow"], classes=("cat", "dog"))


def test_fewer_than_two_classes_are_refused() -> None:
    with pytest.raises(InputError, match=r"1 class\(es\)"):
        from_arrays(np.zeros((2, 1)), [3, 3], np.zeros((1, 1)), [3])


def test_array_layouts_are_recognised() -> None:
    def shape(*of: int) -> tuple[int, ...]:
        return from_arrays(np.zeros((2, *of), np.uint8), [0, 1], np.zeros((2, *of), np.uint8), [0, 1]).train.x.shape

    assert shape(8, 8) == (2, 1, 8, 8)
    assert shape(8, 8, 3) == (2, 3, 8, 8)
    assert shape(3, 8, 8) == (2, 3, 8, 8)
    assert shape(5) == (2, 5)


def test_inputs_that_are_no_numbers_or_of_two_shapes_are_refused() -> None:
    with pytest.raises(InputError, match="training inputs are of type"):
        from_arrays([["a"], ["b"]], [0, 1], [["a"]], [0])
    with pytest.raises(InputError, match=r"\(2,\), test examples \(3,\)"):
        from_arrays(np.zeros((2, 2)), [0, 1], np.zeros((2, 3)), [0, 1])
