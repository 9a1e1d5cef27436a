from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gengap.data import Preprocessing, Problem, Split
from gengap.errors import InputError


def problem(x: Any = None, y: Any = None, *, test: Split | None = None, **other: Any) -> Problem:
    x = np.arange(24, dtype=np.uint8).reshape(4, 1, 2, 3) if x is None else x
    y = np.array([0, 1, 0, 1]) if y is None else y
    train = Split(x, y)
    return Problem(
        **{"name": "p", "train": train, "test": train if test is None else test, "classes": ("a", "b"), **other}
    )


X = np.zeros((4, 2))
BAD: dict[str, tuple[Callable[[], Problem], str]] = {
    "one class": (lambda: problem(classes=("a",)), r"p has 1 class\(es\)"),
    "no test": (lambda: problem(test=Split(np.zeros((0, 1, 2, 3)), np.zeros(0, np.int64))), "the test split is empty"),
    "shapes": (
        lambda: problem(test=Split(np.zeros((4, 1, 3, 3)), np.array([0, 1, 0, 1]))),
        r"\(1, 2, 3\), test examples \(1, 3, 3\)",
    ),
    "lengths": (lambda: problem(X, np.array([0, 1, 0])), "4 training examples but 3 labels"),
    "label too high": (lambda: problem(X, np.array([0, 1, 2, 1])), "from 0 to 2"),
    "label negative": (lambda: problem(X, np.array([0, 1, -1, 1])), "from -1 to 1"),
    "fractional label": (lambda: problem(X, np.array([0, 0.5, 1, 1])), "labels of type float64"),
    "NaN": (lambda: problem(np.array([[0.0], [1], [np.nan], [0]])), "training example 2 holds NaN or Inf"),
    "Inf": (lambda: problem(np.array([[0.0], [1], [0], [np.inf]])), "training example 3 holds NaN or Inf"),
    "axes": (lambda: problem(np.zeros((4, 2, 2))), r"shape \(4, 2, 2\)"),
    "whole numbers": (lambda: problem(np.zeros((4, 2), int)), "inputs of type int64"),
    "crop too large": (lambda: problem(preprocessing=Preprocessing(crop=3)), "Cannot crop p to 3 x 3"),
    "crop of a table": (lambda: problem(X, preprocessing=Preprocessing(crop=1)), "Cannot crop"),
    "scale": (lambda: problem().preprocess(scale="whitened"), "Unknown scale 'whitened'"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD.keys())
def test_what_is_no_problem_is_refused_in_three_lines_at_most(make: Callable[[], Problem], message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        make()
    assert len(str(raised.value).splitlines()) <= 3


def test_splits_cannot_be_written_and_the_callers_arrays_still_can() -> None:
    x = np.zeros((4, 2))
    made = problem(x)
    with pytest.raises(ValueError, match="read-only"):
        made.train.x[0, 0] = 1
    x[0, 0] = 1


def test_hash_depends_on_every_part_and_on_nothing_else() -> None:
    x, y = np.zeros((4, 2)), np.array([0, 1, 0, 1])
    same = problem(x, y)
    others = [
        problem(x + 1, y),
        problem(x.astype(np.float32), y),
        problem(x.reshape(4, 2)[:, ::-1] + [[0, 1]], y),
        problem(x, 1 - y),
        problem(x, y, classes=("a", "c")),
        problem(x, y, preprocessing=Preprocessing(scale="whiten")),
        problem(x, y).take(3),
        problem(x, y).take(3, 2),
        problem(x, y).corrupt("labels", level=0.5),
        problem(x, y).corrupt("labels", level=0.5, seed=1),
        problem(x, y).corrupt("labels", level=0.5, test=True),
    ]
    assert same.hash == problem(x.copy(), y.copy(), name="q", origin="elsewhere").hash
    assert len({same.hash, *(other.hash for other in others)}) == len(others) + 1


def test_input_shape_is_what_a_model_sees() -> None:
    assert problem().input_shape == (1, 2, 3)
    assert problem().preprocess(crop=2).input_shape == (1, 2, 2)
    assert problem(X).input_shape == (2,)


def test_take_keeps_the_first_examples_and_at_least_one() -> None:
    taken = problem().take(3, 2)
    assert (len(taken.train), len(taken.test)) == (3, 2)
    np.testing.assert_array_equal(taken.train.x, problem().train.x[:3])
    with pytest.raises(InputError, match="n_test = 0"):
        problem().take(n_test=0)
