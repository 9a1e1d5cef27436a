"""Tokens stay whole numbers, know their vocabulary, and are refused where they are not of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gengap.data import Problem, from_arrays, from_datasets, load, open_problem, save_problem
from gengap.errors import InputError

X, Y = np.array([[0, 1, 2], [2, 1, 0], [0, 0, 1], [2, 2, 2]]), [0, 1, 0, 1]
M = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 1, 1]])


def _npz(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "t.npz", **{"x_train": X, "y_train": Y, "x_test": X, "y_test": Y} | arrays)
    return folder / "t.npz"


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, ">i4"])
def test_tokens_of_any_whole_type_stay_what_they_are(kind: Any) -> None:
    problem = from_arrays(X.astype(kind), Y, X.astype(kind), Y, vocabulary=3)
    assert problem.train.x.dtype.kind == "i"
    assert problem.train.x.dtype.isnative
    np.testing.assert_array_equal(problem.train.x, X)
    assert (problem.vocabulary, problem.input_shape) == (3, (3,))
    assert problem.seen_as == "3 tokens of a vocabulary of 3"


def test_the_vocabulary_of_a_file_or_of_the_caller(tmp_path: Path) -> None:
    file = _npz(tmp_path, vocabulary=7)
    assert load(file).vocabulary == 7
    assert load(file, vocabulary=5).vocabulary == 5
    assert load(file).hash != load(file, vocabulary=5).hash


def test_without_a_vocabulary_whole_numbers_are_features_which_is_said(tmp_path: Path) -> None:
    problem = load(_npz(tmp_path))
    assert problem.train.x.dtype == np.float32
    assert problem.vocabulary is None
    assert "taken to be features, not tokens" in problem.seen_as


def test_masks_make_tokens_of_them_with_a_guess_that_is_said(tmp_path: Path) -> None:
    problem = load(_npz(tmp_path, mask_train=M, mask_test=M.astype(bool)))
    np.testing.assert_array_equal(problem.train.x, np.stack([X, M], axis=1))
    assert (problem.vocabulary, problem.input_shape) == (3, (2, 3))
    assert problem.seen_as == (
        "3 tokens of a vocabulary of 3, padding masked; a vocabulary taken from the largest token"
    )


def test_tokens_are_saved_with_their_vocabulary(tmp_path: Path) -> None:
    problem = from_arrays(X, Y, X, Y, vocabulary=9, masks=(M, M))
    save_problem(problem, tmp_path)
    opened = open_problem(tmp_path)
    assert (opened.vocabulary, opened.hash) == (9, problem.hash)
    np.testing.assert_array_equal(opened.train.x, problem.train.x)


def test_torch_datasets_of_tokens() -> None:
    items = [(torch.tensor(x), y) for x, y in zip(X, Y, strict=True)]
    problem = from_datasets(items, items, vocabulary=3)
    np.testing.assert_array_equal(problem.train.x, X)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"vocabulary": 2}, r"training example 0 holds token 2 at position 2, which is not in a vocabulary of 2"),
        ({"vocabulary": 3, "x_test": X - 1}, r"test example 0 holds token -1 at position 0"),
        ({"vocabulary": 0}, "vocabulary = 0"),
        ({"vocabulary": 2.5}, "one whole number"),
        ({"vocabulary": [3, 4]}, "one whole number"),
        ({"vocabulary": 3, "x_train": X / 1.0}, "type float64"),
        ({"vocabulary": 3, "x_train": X[:, None]}, r"shape \(4, 1, 3\)"),
        ({"mask_train": M}, "a mask of each split, or none"),
        ({"mask_train": M[:, :2], "mask_test": M}, r"training mask is of type int64 and shape \(4, 2\)"),
        ({"mask_train": M, "mask_test": 2 * M}, "0 for padding and 1 for a token"),
        ({"mask_train": 0 * M, "mask_test": M}, "mask of training example 0 leaves no token"),
        ({"vocabulary": 3, "x_test": X[:, :2]}, "one shape for both splits"),
    ],
)
def test_unusable_tokens(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(_npz(tmp_path, **arrays))


@pytest.mark.parametrize("options", [{"scale": "unit"}, {"mean": [0.5]}, {"crop": 2}])
def test_tokens_are_not_scaled(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="tokens, which are not cropped or scaled"):
        load(_npz(tmp_path, vocabulary=3), **options)


def test_a_vocabulary_of_what_holds_no_tokens_is_refused() -> None:
    with pytest.raises(InputError, match="digits holds no tokens"):
        load("digits", vocabulary=3)


def test_a_problem_of_whole_numbers_needs_a_vocabulary() -> None:
    tokens = from_arrays(X, Y, X, Y, vocabulary=3)
    with pytest.raises(InputError, match="or tokens with a vocabulary"):
        Problem("x", tokens.train, tokens.test, ("a", "b"))
