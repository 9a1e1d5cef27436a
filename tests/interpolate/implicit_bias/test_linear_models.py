"""Theorem 1 and Corollary 2 of Kawaguchi et al. 2017."""

import numpy as np
import pytest

from gengap.interpolate.implicit_bias import (
    far_solutions,
    memorising_weights,
)

RNG = np.random.default_rng(0)

X, Y, START = RNG.standard_normal((12, 30)), RNG.standard_normal(12), RNG.standard_normal(30)

FEATURES, FEATURES_TEST = RNG.standard_normal((20, 60)), RNG.standard_normal((15, 60))


def test_theorem_1_linear_models_memorise_anything():
    for targets in (RNG.standard_normal((20, 3)), np.eye(3)[RNG.integers(0, 3, 20)]):
        np.testing.assert_allclose(FEATURES @ memorising_weights(FEATURES, targets), targets, atol=1e-10)


@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 0.0), (0.5, 0.01), (1e-3, 10.0)])
@pytest.mark.parametrize("distance", [0.0, 1.0, 1e3, 1e6])
def test_theorem_1_any_norm_and_the_same_predictions(distance, epsilon, delta):
    star = RNG.standard_normal((60, 3))
    (found,) = far_solutions(FEATURES, FEATURES_TEST, star, [distance], epsilon=epsilon, delta=delta)
    train, test = (np.linalg.norm(each @ (found.weights - star)) for each in (FEATURES, FEATURES_TEST))
    assert found.holds
    assert train <= epsilon + 1e-12 * (1 + distance)
    assert test <= delta + 1e-12 * (1 + distance)
    if epsilon:
        assert max(train / epsilon, test / delta) == pytest.approx(1, abs=1e-5)  # it is used up
    assert found.distance >= distance * (1 - 1e-12)
    assert found.norm >= distance - np.linalg.norm(star) - epsilon - delta
    assert found.rank == 35


def test_corollary_2_fewer_features_than_examples():
    """Two features that are always 0: weights on them can be anything."""
    x = np.c_[RNG.standard_normal((50, 4)), np.zeros((50, 2))]
    (found,) = far_solutions(x[:40], x[40:], np.ones((6, 1)), [1e4])
    assert found.rank == 4
    assert found.norm > 9990
    np.testing.assert_allclose(x @ found.weights, x @ np.ones((6, 1)), atol=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_far_solutions_of_features_at_any_scale(scale):
    near, far = far_solutions(scale * X, scale * X[:5], np.ones((30, 1)), [0.0, 1e3])
    assert near.holds
    assert far.holds
    assert far.distance == pytest.approx(1e3, rel=1e-9)
    assert np.isfinite([far.norm, far.train_off, far.rounding]).all()
