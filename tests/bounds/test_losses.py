"""0-1 losses: one reader of labels, and nothing counts as an error for its type or name alone."""

import numpy as np
import pandas as pd
import pytest

import gengap
from gengap.bounds import Ladder, brier_losses, label_array, label_remarks, scaled_losses, zero_one_losses
from gengap.errors import InputError

THIRDS = np.full((3, 3), 1 / 3)
NA = pd.NA


def objects(*values: object) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@pytest.mark.parametrize(
    "predicted",
    [
        pd.Series(["a", "b", "b"]),
        pd.Series(["a", "b", "b"], dtype="category"),
        objects("a", "b", "b"),
        objects(b"a", "b", b"b"),
        np.array([b"a", b"b", b"b"]),
        np.array(["a", "b", "b"], dtype=np.dtypes.StringDType()),
    ],
)
def test_text_of_every_type_is_the_same_text(predicted) -> None:
    assert zero_one_losses(["a", "b", "c"], predicted).tolist() == [0, 0, 1]
    assert zero_one_losses(predicted, ["a", "b", "c"]).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "predicted",
    [
        objects(0, 1, 1),
        objects(np.int64(0), np.bool_(True), 1.0),
        [False, True, True],
        pd.Series([0, 1, 1], dtype="Int64"),
        pd.Series([False, True, True], dtype="boolean"),
        np.array([0.0, 1.0, 1.0], dtype=np.float16),
    ],
)
def test_numbers_of_every_type_are_the_same_numbers(predicted) -> None:
    assert zero_one_losses([0, 1, 2], predicted).tolist() == [0, 0, 1]
    assert label_array("y", predicted).dtype.kind in "biuf"


NOT_COMPARABLE = [
    (pd.Series(["0", "1", "1"]), np.array([0, 1, 1]), r"y_true holds text \('0'\), y_pred numbers \(0\)"),
    (objects(0, 1, 1), ["0", "1", "1"], r"y_true holds numbers \(0\), y_pred text"),
    (np.array([b"0", b"1", b"1"]), [0, 1, 1], "y_true holds text"),
    (objects("0", 1, 1), [0, 1, 1], "y_true holds values of type int, str"),
    ([0, 1, 1], objects(0, (1,), 1), "y_pred holds values of type int, tuple"),
    ([0, 1, 1], objects(0, np.zeros(2), 1), "y_pred holds values of type int, ndarray"),
    (np.array(["2020", "2021", "2021"], "datetime64[Y]"), ["2020", "2021", "2021"], "y_true holds values of type date"),
    ([0, 1, 1], [0.1, 0.9, 0.8], "fractions"),
    (objects(0, 1, 1), objects(0.1, 0.9, 0.8), "fractions"),
    ([True, False, True], [0.1, 0.9, 0.8], "fractions"),
    ([np.nan, 0, 1], [0, 1, 1], "y_true is missing .* for 1 of 3"),
    ([0, 1, 1], pd.Series([0, None, None], dtype="Int64"), "y_pred is missing .* for 2 of 3"),
    (["a", "b", "b"], pd.Series(["a", None, "b"], dtype="string"), "y_pred is missing .* for 1 of 3"),
    ([True, False, True], pd.Series([True, NA, True], dtype="boolean"), "y_pred is missing .* for 1 of 3"),
    (objects(b"\xff", b"a", b"b"), ["a", "a", "b"], "no text"),
    ([1, 2, 3], THIRDS, "label 3 has no probability column"),
    ([7, 8, 9], THIRDS, "label 7 has no probability column"),
    (["0", "1", "2"], THIRDS, "y_true holds text"),
    ([0, 1, 2], [[0, 1], [1]], "y_pred has rows of different lengths"),
    ([0, 1, 2], [["a", "b"]] * 3, "Probabilities are not all numbers"),
    ([0, 1, 2], [0, 1], "y_true has 3 values, y_pred 2"),
]


@pytest.mark.parametrize(("labels", "predicted", "message"), NOT_COMPARABLE)
def test_what_cannot_be_compared_is_refused_by_certify_and_by_the_ladder(labels, predicted, message: str) -> None:
    ways = (
        lambda: gengap.certify(y_true=labels, y_pred=predicted),
        lambda: Ladder(labels, step=0.1).submit(predicted),
    )
    for way in ways:
        with pytest.raises(InputError, match=message) as told:
            way()
        assert len(str(told.value).splitlines()) <= 3


def test_a_model_that_cannot_be_compared_is_no_submission() -> None:
    ladder = Ladder([0, 1, 1], step=0.1)
    with pytest.raises(InputError):
        ladder.submit(["0", "1", "1"])
    assert ladder.submissions == 0
    assert ladder.submit([[0.9, 0.1], [0.2, 0.8], [0.2, 0.8]]) == 0


def test_brier_and_zero_one_refuse_the_same_labels() -> None:
    for labels in ([1, 2, 3], ["0", "1", "2"]):
        with pytest.raises(InputError) as brier:
            brier_losses(labels, THIRDS, range(3))
        with pytest.raises(InputError) as zero_one:
            zero_one_losses(labels, THIRDS)
        assert str(brier.value) == str(zero_one.value)


@pytest.mark.parametrize("losses", [["a"], [None, 0.5], [[0.5], [0.5, 1]], pd.Series([0.5, NA], dtype="Float64")])
def test_losses_that_are_no_numbers_are_refused(losses) -> None:
    with pytest.raises(InputError, match=r"not all numbers|NaN"):
        scaled_losses(losses, 1.0)
    with pytest.raises(InputError):
        gengap.certify(losses=losses)


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([0.5, 1.25, 3.0], [0.5, 1.0, 3.0], "y_true holds real numbers"),
        (["1", "2", "2"], ["1.0", "2.0", "2.0"], r"y_pred holds '1.0', y_true '1'"),
        (["dog", "cat"], ["dog ", "cat"], "y_pred holds 'dog ', y_true 'dog'"),
        (["cat", "dog"], ["Cat", "dog"], "y_pred holds 'Cat', y_true 'cat'"),
        (["True", "False"], ["true", "false"], "one spelling"),
        (["caf\u00e9", "x"], ["cafe\u0301", "x"], "one spelling"),
        ([0, 1, 2, 1], [1, 2, 3, 2], "All predictions are one above the labels, and 0 equal them"),
        ([1, 2, 3, 1], [0, 1, 2, 0], "All predictions are one below the labels"),
        ([0, 1, 2, 1], [1, 2, 3, 1], "3 of 4 predictions are one above the labels, and 1 equal them"),
    ],
)
def test_refuses_labels_that_differ_by_spelling_or_numbering_alone(labels, predicted, message: str) -> None:
    with pytest.raises(InputError, match=message):
        zero_one_losses(labels, predicted)
    with pytest.raises(InputError, match=message):
        Ladder(labels).submit(predicted)


@pytest.mark.parametrize(
    ("labels", "predicted", "errors"),
    [
        (["a", "A", "a"], ["A", "A", "a"], 1),  # both are classes
        ([0, 1, 2], [0, 2, 3], 2),  # one prediction out of range, the others are not shifted
        ([0, 1, 0], [1, 1, 1], 2),
        ([True, False], [1, 0], 0),
        (["01", "1"], ["01", "01"], 1),
    ],
)
def test_other_labels_are_compared_as_they_stand(labels, predicted, errors: int) -> None:
    assert zero_one_losses(labels, predicted).sum() == errors


def test_remarks_say_what_was_seen() -> None:
    assert label_remarks(["a", "b"], ["a", "b"]) == []
    assert (
        "never has, unsure, x: their 3 predictions count as errors"
        in label_remarks(["a", "b", "a", "b"], ["unsure", "x", "x", "b"])[0]
    )
    assert "measurements" in label_remarks(np.arange(200) * 10, np.arange(200) * 10 + 1)[-1]
