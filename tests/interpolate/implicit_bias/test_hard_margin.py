"""The hard-margin machine against its proof of optimality, at every scale."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer
from sklearn.svm import SVC

from gengap.errors import InputError
from gengap.interpolate.implicit_bias import (
    hard_margin,
)

RNG = np.random.default_rng(0)

X, Y, START = RNG.standard_normal((12, 30)), RNG.standard_normal(12), RNG.standard_normal(30)

SIGNS = np.sign(Y)


def test_hard_margin_by_hand():
    found = hard_margin([[0.5, 1.5], [1.5, 0.5], [-3.0, -1.0]], [1, 1, -1])
    np.testing.assert_allclose(found.weights, [0.5, 0.5])
    assert found.margin == pytest.approx(np.sqrt(2))
    np.testing.assert_allclose(found.multipliers, [1 / 4, 1 / 4, 0], atol=1e-12)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_hard_margin_is_optimal(scale):
    found = hard_margin(scale * X, SIGNS)
    signed = scale * X * SIGNS[:, None]
    assert found.gap < 1e-10
    assert found.violation < 1e-10
    assert (found.multipliers >= 0).all()
    np.testing.assert_allclose(signed.T @ found.multipliers, found.weights, atol=1e-12 / scale)
    tight = signed @ found.weights < 1 + 1e-9
    assert (found.multipliers[~tight] == 0).all()
    unscaled = signed / scale
    constraint = {"type": "ineq", "fun": lambda w: unscaled @ w - 1}
    start = np.linalg.pinv(unscaled) @ np.full(12, 2.0)
    truth = minimize(lambda w: w @ w, start, constraints=constraint, method="SLSQP", options={"ftol": 1e-12})
    np.testing.assert_allclose(found.weights * scale, truth.x, atol=1e-4)


def test_hard_margin_is_the_limit_of_soft_margins():
    """scikit-learn's machine has an intercept, so both get points and their mirror images, which make it 0."""
    x, y = np.concatenate([X, -X]), np.concatenate([SIGNS, -SIGNS])
    truth = SVC(C=1e8, kernel="linear", tol=1e-8).fit(x, y)
    np.testing.assert_allclose(hard_margin(x, y).weights, truth.coef_[0], atol=1e-6)


@pytest.mark.parametrize("far", [1e5, 1e7, 1e12])
def test_a_point_far_away_does_not_hide_the_margin_of_the_others(far):
    found = hard_margin([[far, 0], [1, 1], [1, -1]], [1, 1, 1])
    assert found.margin == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(found.weights, [1, 0], atol=1e-6)
    assert type(found.margin) is float


def test_separable_points_are_never_said_to_be_inseparable():
    """Unscaled columns, with a margin of 1e-8 of the longest point; and worse ones, where float64 does not tell it."""
    data = load_breast_cancer()
    sizes, signs = data.data.std(axis=0), np.where(data.target, 1, -1)
    one = np.ones((len(signs), 1))
    scaled = hard_margin(np.hstack([(data.data - data.data.mean(axis=0)) / sizes, one]), signs)
    assert scaled.violation < 1e-6
    raw = np.hstack([data.data, one])
    found = hard_margin(raw, signs)
    assert max(found.gap, found.violation) < 1e-6
    off = (raw * signs[:, None]).T @ found.multipliers - found.weights
    assert np.linalg.norm(off) < 1e-7 * np.linalg.norm(found.weights)
    with pytest.raises(InputError, match="separable, with a margin of at least"):
        hard_margin(raw * np.logspace(0, 9, 31), signs)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_points_that_no_plane_separates_are_told_at_every_scale(scale):
    points = RNG.standard_normal((60, 3)) * [scale, 1, 1]
    with pytest.raises(InputError, match="No plane"):
        hard_margin(np.concatenate([points, points]), np.repeat([1, -1], 60))
    with pytest.raises(InputError, match="No plane"):
        hard_margin(points, np.sign(RNG.standard_normal(60)))
    with pytest.raises(InputError, match="No plane"):
        hard_margin([[scale, 0.0], [0.0, 0.0]], [1, -1])


def separable():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((10, 20))
    return x, np.sign(rng.standard_normal(10))


@pytest.mark.parametrize("scale", [1e-200, 1e-140, 1e140, 1e200])
def test_the_hard_margin_scales_with_the_points(scale):
    plain, found = hard_margin(X, SIGNS), hard_margin(scale * X, SIGNS)
    assert found.margin == pytest.approx(scale * plain.margin, rel=1e-9)
    np.testing.assert_allclose(scale * found.weights, plain.weights, rtol=1e-9)
    assert (found.gap, found.violation) == pytest.approx((plain.gap, plain.violation), abs=1e-9)
    if 1e-150 < scale < 1e150:
        np.testing.assert_allclose(scale * found.multipliers * scale, plain.multipliers, rtol=1e-9, atol=1e-12)
    else:
        assert np.isnan(found.multipliers).all()  # they are beyond float64
