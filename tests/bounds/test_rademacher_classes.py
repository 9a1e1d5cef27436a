"""Linear and kernel classes: all signs as twin, closed forms on either side, cases known by hand."""

import itertools
import math

import numpy as np
import pytest

from gengap import bounds
from gengap.errors import InputError


def over_all_signs(supremum, n: int) -> float:
    """The mean of the supremum over all 2^n signs."""
    return float(np.mean([supremum(np.array(signs)) for signs in itertools.product((-1, 1), repeat=n)]))


def naive_linear(x, radius: float) -> float:
    """The supremum is at w = B v / ||v|| with v = sum sigma_i x_i."""
    n = len(x)

    def supremum(signs) -> float:
        v = sum(s * row for s, row in zip(signs, x, strict=True))
        w = radius * v / np.linalg.norm(v)
        return sum(s * (w @ row) for s, row in zip(signs, x, strict=True)) / n

    return over_all_signs(supremum, n)


def naive_l1(x, radius: float) -> float:
    """The supremum is at a corner: plus or minus B in one coordinate."""
    corners = [radius * sign * e for e in np.eye(x.shape[1]) for sign in (-1, 1)]
    return over_all_signs(lambda signs: max(float(signs @ (x @ w)) for w in corners) / len(x), len(x))


POINTS = np.random.default_rng(0).normal(size=(9, 4))


@pytest.mark.parametrize(
    ("measure", "naive"), [(bounds.linear_rademacher, naive_linear), (bounds.l1_rademacher, naive_l1)]
)
def test_the_estimate_is_the_mean_over_all_signs(measure, naive) -> None:
    found = measure(POINTS, 2.5, draws=20_000)
    exact = naive(POINTS, 2.5)
    assert abs(found.estimate - exact) < 4 * found.standard_error
    assert found.lower <= exact <= found.upper


def test_a_kernel_of_inner_products_is_the_linear_class() -> None:
    linear = bounds.linear_rademacher(POINTS, 1.5, draws=300, seed=4)
    kernel = bounds.kernel_rademacher(POINTS @ POINTS.T, 1.5, draws=300, seed=4)
    assert kernel == pytest.approx(linear, rel=1e-12)


@pytest.mark.parametrize("n", [5, 50, 500])
@pytest.mark.parametrize("features", [1, 20])
def test_closed_forms_enclose_the_estimate(n: int, features: int) -> None:
    x = np.random.default_rng(n + features).normal(size=(n, features)) * np.geomspace(1, 9, n)[:, None]
    for measure in (bounds.linear_rademacher, bounds.l1_rademacher):
        found = measure(x, draws=2000)
        assert found.lower - 3 * found.standard_error <= found.estimate <= found.upper + 3 * found.standard_error


def test_known_by_hand() -> None:
    found = bounds.linear_rademacher([[3.0, 4.0]], 2.0, draws=5)
    assert (found.estimate, found.standard_error, found.upper) == (10.0, 0.0, 10.0)
    orthonormal = bounds.linear_rademacher(np.eye(16), draws=10)
    assert orthonormal.estimate == pytest.approx(1 / 4) == orthonormal.upper  # sqrt(n) / n
    same = bounds.linear_rademacher(np.ones((2, 1)), draws=40_000)  # (2 + 0) / 2 / n: the lower form, attained
    assert same.lower == pytest.approx(0.5)
    assert abs(same.estimate - 0.5) < 4 * same.standard_error
    assert bounds.l1_rademacher(np.eye(8), draws=10).estimate == pytest.approx(1 / 8)
    assert bounds.l1_rademacher(np.eye(8), draws=10).upper == pytest.approx(math.sqrt(2 * math.log(16) / 8))


def test_the_gaussian_kernel_at_small_bandwidth_has_complexity_one_over_root_n() -> None:
    assert bounds.kernel_rademacher(np.eye(100), draws=3).estimate == pytest.approx(0.1)


@pytest.mark.parametrize(
    "bad", [{"radius": 0.0}, {"draws": 1}, {"radius": math.inf}, {"draws": 2.5}, {"radius": "1"}, {"seed": -1}]
)
def test_refuses_out_of_range(bad) -> None:
    with pytest.raises(InputError, match=next(iter(bad))):
        bounds.linear_rademacher(POINTS, **bad)


def test_refuses_what_is_no_kernel_matrix() -> None:
    with pytest.raises(InputError, match="gram"):
        bounds.kernel_rademacher(POINTS)
    with pytest.raises(InputError, match="not positive semidefinite"):
        bounds.kernel_rademacher(-np.eye(3))
    with pytest.raises(InputError, match="NaN"):
        bounds.linear_rademacher([[math.nan]])
    with pytest.raises(InputError, match="not positive semidefinite"):  # E sqrt(s^T K s) would exceed sqrt(tr K)
        bounds.kernel_rademacher([[1.0, 1.5], [1.5, 1.0]])


@pytest.mark.parametrize("scale", [1e-200, 1e-120, 1e120, 1e200])
@pytest.mark.parametrize("measure", [bounds.linear_rademacher, bounds.l1_rademacher])
def test_complexities_scale_with_the_inputs(measure, scale: float) -> None:
    plain = measure(POINTS, draws=50)
    np.testing.assert_allclose(measure(scale * POINTS, draws=50), scale * np.array(plain), rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_the_kernel_class_scales_with_the_root_of_the_kernel(scale: float) -> None:
    gram = POINTS @ POINTS.T
    plain = bounds.kernel_rademacher(gram, draws=50)
    np.testing.assert_allclose(
        bounds.kernel_rademacher(scale * gram, draws=50), math.sqrt(scale) * np.array(plain), rtol=1e-12
    )


def test_what_float64_does_not_hold_is_refused() -> None:
    for scale, radius in ((1e200, 1e200), (1e-200, 1e-200)):
        with pytest.raises(InputError, match="outside what float64 holds"):
            bounds.linear_rademacher(scale * POINTS, radius)
