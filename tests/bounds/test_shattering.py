"""Shattering by half-spaces: Radon's and Cover's counts, XOR, and points in special position."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from gengap import bounds
from gengap.errors import InputError

XOR = [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]


def test_three_points_of_the_plane_are_shattered_and_four_are_not() -> None:
    assert bounds.shattering([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]) == (True, 8, 8, None)
    found = bounds.shattering(XOR)
    assert (found.shattered, found.separable, found.labellings) == (False, 14, 16)
    assert found.witness == (1, 1, -1, -1)


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_the_vc_dimension_of_half_spaces_is_d_plus_one(d: int) -> None:
    points = np.random.default_rng(d).normal(size=(d + 2, d))
    assert bounds.shattering(points[:-1]).shattered
    assert not bounds.shattering(points).shattered  # Radon: no d + 2 points


@pytest.mark.parametrize(("n", "d"), [(1, 1), (4, 1), (5, 2), (6, 2), (6, 3), (8, 2)])
def test_covers_count_in_general_position(n: int, d: int) -> None:
    points = np.random.default_rng(10 * n + d).normal(size=(n, d))
    assert bounds.shattering(points).separable == bounds.cover_count(n, d + 1)
    assert bounds.shattering(points, offset=False).separable == bounds.cover_count(n, d)


def test_covers_count_by_its_recursion() -> None:
    for n, d in itertools.product(range(2, 9), range(2, 6)):
        assert bounds.cover_count(n, d) == bounds.cover_count(n - 1, d) + bounds.cover_count(n - 1, d - 1)


def test_on_a_line_only_thresholds_count() -> None:
    """n points on a line of the plane: 2n labellings, as on the line itself."""
    t = np.array([0.25, -1.0, 2.0, 0.875, 5.0])  # 2 t + 1 is exact
    assert bounds.shattering(np.column_stack([t, 2 * t + 1])).separable == 2 * len(t)


def test_equal_points_cannot_be_told_apart_and_the_unit_of_length_does_not_matter() -> None:
    assert bounds.shattering([[1.0, 2.0], [1.0, 2.0]]).separable == 2
    points = np.random.default_rng(0).normal(size=(5, 2))
    assert bounds.shattering(points * [1e6, 1e-6] + [1e3, 7.0]).separable == bounds.shattering(points).separable


def test_refuses_too_many_points() -> None:
    with pytest.raises(InputError, match="at most 16 points"):
        bounds.shattering(np.zeros((17, 2)))
    with pytest.raises(InputError, match="finite"):
        bounds.shattering([[np.nan, 0.0]])
    for bad in (0, 2.7, "3"):
        with pytest.raises(InputError, match=r"n = .*\n.*whole number"):
            bounds.cover_count(bad, 1)


@pytest.mark.parametrize("gap", [1e-9, 3e-10, 1e-12, 1e-17, 1e-300, 5e-324])
def test_near_points_are_different_points(gap: float) -> None:
    """Three distinct points of a line have six labellings, however near two of them lie."""
    assert bounds.shattering([[0.0], [gap], [1.0]]).separable == 6


@pytest.mark.parametrize("height", [1e-3, 1e-12, 1e-30])
def test_a_flat_triangle_is_shattered_and_a_line_is_not(height: float) -> None:
    assert bounds.shattering([[0.0, 0.0], [1.0, height], [2.0, 0.0]]).shattered
    assert bounds.shattering([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]).separable == 6


def feasible(points, labels) -> bool:
    """Whether y_i (<w, x_i> + b) >= 1 has a solution, by SciPy's linear programs."""
    rows = np.column_stack([points, np.ones(len(points))])
    found = linprog(np.zeros(rows.shape[1]), -labels[:, None] * rows, -np.ones(len(rows)), bounds=(None, None))
    return found.status == 0


@pytest.mark.parametrize("seed", range(6))
def test_the_labellings_are_those_of_linear_programs(seed: int) -> None:
    """Points of a small grid lie in special position most of the time."""
    points = np.random.default_rng(seed).integers(-1, 2, size=(6, 2 + seed % 2)).astype(float)
    labellings = [np.array(labels) for labels in itertools.product((1, -1), repeat=6)]
    separable = [feasible(points, labels) for labels in labellings]
    found = bounds.shattering(points)
    assert found.separable == sum(separable)
    assert found.shattered == all(separable)
    if found.witness is not None:
        assert not feasible(points, np.array(found.witness))


def test_the_origin_has_no_side_without_an_offset() -> None:
    assert bounds.shattering([[0.0, 0.0], [1.0, 1.0]], offset=False).separable == 0
