"""Where a double-descent curve peaks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gengap.errors import InputError
from gengap.interpolate.double_descent import Peak, find_peak

GRID = [10, 20, 50, 100, 200, 500]


def test_by_hand():
    assert find_peak(GRID, [90, 20, 30, 50, 10, 5]) == Peak(100, 50, 200)  # 90 at the left edge is no peak
    assert find_peak(GRID, [90, 20, 22, 15, 40, 5]) == Peak(200, 100, 500)  # 40 rises more than 22


def test_monotone_curves_have_none():
    assert find_peak(GRID, [6, 5, 4, 3, 2, 1]) is None
    assert find_peak(GRID, [1, 1, 1, 1, 1, 1]) is None
    assert find_peak(GRID, [[90, 20, 30, 50, 10, 5], [6, 5, 4, 3, 2, 1]]) is None


def test_several_curves_widen_the_interval():
    curves = [[9, 2, 7, 3, 2, 1], [9, 2, 3, 7, 2, 1], [9, 2, 3, 7, 2, 1]]
    assert find_peak(GRID, curves) == Peak(100, 20, 200)


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=30))
def test_the_prominence_is_the_largest(risks):
    """Against its definition, written out."""
    grid = list(range(len(risks)))
    heights = {i: risks[i] - max(min(risks[:i]), min(risks[i + 1 :])) for i in grid[1:-1]}
    found = find_peak(grid, risks)
    if found is None:
        assert max(heights.values()) <= 0
    else:
        assert heights[int(found.at)] == max(heights.values()) > 0
        assert (found.low, found.high) == (found.at - 1, found.at + 1)


@pytest.mark.parametrize(
    ("grid", "risks", "told"),
    [
        ([1, 2], [1, 2], "at least three"),
        ([1, 3, 2], [1, 2, 3], "ascending"),
        ([1, 2, 3], [1, 2], "3 numbers for each"),
        ([1, 2, 3], [1, np.nan, 3], "finite"),
    ],
)
def test_bad_input_is_told(grid, risks, told):
    with pytest.raises(InputError, match=told):
        find_peak(grid, risks)
