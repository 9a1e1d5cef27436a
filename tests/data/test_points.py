"""Images as rows, and which rows are distinct."""

import numpy as np
import pytest

from gengap.data import Problem, Split, as_points, distinct
from gengap.errors import InputError

PIXELS = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4)
PROBLEM = Problem("made", Split(PIXELS, np.array([0, 2])), Split(PIXELS[::-1], np.array([1, 1])), ("a", "b", "c"))


def test_a_row_is_an_image_in_the_order_of_its_pixels() -> None:
    points = as_points(PROBLEM.preprocess(scale="unit"), np.float64)
    np.testing.assert_array_equal(points.x, (PIXELS.reshape(2, -1).astype(np.float32) / np.float32(255)))
    np.testing.assert_array_equal(points.x_test, points.x[::-1])
    assert points.x.dtype == np.float64
    assert as_points(PROBLEM).x.dtype == np.float32


def test_a_crop_is_applied() -> None:
    points = as_points(PROBLEM.preprocess(crop=2, scale="none"))
    np.testing.assert_array_equal(points.x, PIXELS[:, :, 1:3, 1:3].reshape(2, -1))


def test_targets_are_indicators_of_all_classes() -> None:
    points = as_points(PROBLEM)
    np.testing.assert_array_equal(points.targets, [[1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(points.targets_test, [[0, 1, 0], [0, 1, 0]])


def test_the_first_of_equal_points_counts() -> None:
    x = np.array([[0.0, 1.0], [2.0, 3.0], [-0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    np.testing.assert_array_equal(distinct(x, np.array([7, 8, 7, 8, 9])), [0, 1, 4])


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([[0.0], [1.0], [0.0]], [1, 2, 3], "Points 0 and 2 are equal"),
        ([[1.0], [1.0]], [1, 1], "every feature is constant"),
    ],
)
def test_points_without_a_function_through_them_are_refused(x: list, y: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        distinct(np.array(x), np.array(y))
