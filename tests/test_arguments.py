"""Numbers as arguments: what serves, what is refused, and that messages name the argument and its value."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gengap.arguments import finite_array, kernel_matrix, power_of_two, real_number, whole_number, whole_numbers
from gengap.arrays import euclidean_norm
from gengap.errors import InputError

NO_NUMBERS = ["4", b"4", "1G", None, True, np.True_, 1j, [3], {}, np.array([1.0]), float("nan"), float("inf"), 10**400]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_refused_by_name(value) -> None:
    with pytest.raises(InputError, match=r"width = .*\nExpected: a finite number$"):
        real_number(value, "width")


@pytest.mark.parametrize("value", [*NO_NUMBERS[:-1], 2.5, Fraction(7, 2), np.float32(0.1), 0, -1], ids=repr)
def test_what_is_no_count_is_refused_by_name(value) -> None:
    with pytest.raises(InputError, match=r"n = .*\nExpected: a whole number of at least 1$"):
        whole_number(value, "n")


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3), np.array(3), Fraction(3)], ids=repr)
def test_every_kind_of_three_is_three(value) -> None:
    assert (whole_number(value, "n"), real_number(value, "x")) == (3, 3.0)
    assert type(whole_number(value, "n")) is int
    assert type(real_number(value, "x")) is float


def test_limits_are_kept_and_told() -> None:
    assert real_number(0, "p", least=0, most=1) == 0
    assert real_number(1, "p", above=0, most=1) == 1
    for value, limits in ((0, {"above": 0}), (1, {"below": 1}), (-0.1, {"least": 0}), (1.5, {"most": 1})):
        with pytest.raises(InputError, match="p = "):
            real_number(value, "p", **limits)
    with pytest.raises(InputError, match="a finite number above 0 and of at most 1"):
        real_number(2, "p", above=0, most=1)
    with pytest.raises(InputError, match="at least 2, at most 4"):
        whole_number(5, "depth", least=2, most=4)


def test_several_counts_are_ascending_and_each_once() -> None:
    assert whole_numbers(np.array([4, 1, 4]), "widths") == [1, 4]
    for bad, named in (([], "widths is empty"), ([1, 2.5], "widths holds 2.5"), ("12", "widths = '12'"), (3, "= 3")):
        with pytest.raises(InputError, match=named):
            whole_numbers(bad, "widths")


def test_arrays_hold_numbers_only() -> None:
    assert finite_array([[1, 2]], "x").dtype == np.float64
    assert finite_array([Fraction(1, 2)], "x").tolist() == [0.5]
    for bad, named in (
        (["1", "2"], "no number"),
        ([None], "no number"),
        ([np.nan], "NaN"),
        ([], "shape"),
        ([[1], [1, 2]], "no number"),
        ([10**400], "NaN or infinity"),
    ):
        with pytest.raises(InputError, match=named):
            finite_array(bad, "x")
    with pytest.raises(InputError, match="2 axes"):
        finite_array([1.0], "x", ndim=2)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_power_of_two_brings_a_number_near_one(value: float) -> None:
    power = power_of_two(value)
    assert 0 < 1 / power < np.inf
    if 1e-300 < abs(value) < 1e300:
        assert 0.5 <= abs(value) / power < 1
        assert value / power * power == value


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1.0, 1e200, 1e300])
def test_a_norm_at_any_scale(scale: float) -> None:
    values = np.random.default_rng(0).standard_normal((4, 5))
    assert euclidean_norm(scale * values) == pytest.approx(scale * np.linalg.norm(values), rel=1e-14)
    assert euclidean_norm(np.zeros(3)) == 0


def test_kernel_matrices() -> None:
    x = np.random.default_rng(0).standard_normal((30, 4))
    for scale in (1e-200, 1.0, 1e200):
        kernel_matrix(scale * (x @ x.T))  # rank 4: eigenvalues of 0, up to rounding
    kernel_matrix((x.astype(np.float32) @ x.T.astype(np.float32)).astype(np.float64))
    kernel_matrix([[0.0]])
    for bad, named in (
        ([[1.0, 1.001], [1.001, 1.0]], "not positive semidefinite"),
        ([[1.0, 0.5], [0.4, 1.0]], "not symmetric"),
        ([[1.0, 0.5]], r"\[n, n\]"),
    ):
        with pytest.raises(InputError, match=named):
            kernel_matrix(bad)


@pytest.mark.parametrize("value", [1e30, 10**30, 2**63])
def test_no_count_is_beyond_numpys_integers(value: float) -> None:
    with pytest.raises(InputError, match=r"at most 9,223,372,036,854,775,807"):
        whole_number(value, "n_features")
    with pytest.raises(InputError, match="widths holds"):
        whole_numbers([1, value], "widths")
    assert whole_number(2**63 - 1, "seed") == 2**63 - 1
