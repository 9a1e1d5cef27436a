"""Nearest neighbours against a known Bayes error."""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

import gengap
from gengap.interpolate.trees import (
    RAMP_BAYES,
    forests,
    neighbour_limit,
    ramp,
    true_risk,
    votes,
)


@pytest.fixture(scope="module")
def digits():
    problem = gengap.load("digits").take(500, 300)
    return [a for s in (problem.train, problem.test) for a in (s.x.reshape(len(s), -1), s.y)]


@pytest.fixture(scope="module")
def made(digits):
    x, y, x_test, _ = digits
    fitted = {name: forest.fit(x, y) for name, forest in forests(20, random_state=0).items()}
    return {name: (forest, votes(forest, x_test)) for name, forest in fitted.items()}


def test_one_neighbour_has_at_most_twice_the_bayes_error():
    x, y, _ = ramp(40_000, seed=0)
    x_test, _, probability = ramp(40_000, seed=1)
    assert true_risk(probability > 0.5, probability) == pytest.approx(RAMP_BAYES, abs=0.003)
    for k in (1, 3, 9):
        made = KNeighborsClassifier(k).fit(x, y)
        assert true_risk(made.predict(x_test), probability) == pytest.approx(neighbour_limit(k), abs=0.006)
    assert RAMP_BAYES < neighbour_limit(1) <= 2 * RAMP_BAYES * (1 - RAMP_BAYES) < 2 * RAMP_BAYES


def test_neighbours_that_interpolate_do_better_than_one():
    """Weights 1 / distance give every training point its label and still approach the Bayes rule."""
    x, y, _ = ramp(4000, seed=0)
    x_test, _, probability = ramp(4000, seed=1)
    made = KNeighborsRegressor(101, weights="distance").fit(x, y)
    assert np.array_equal(made.predict(x), y)
    assert true_risk(made.predict(x_test) > 0.5, probability) < neighbour_limit(1) - 0.02


@pytest.mark.parametrize("k", [1, 3, 5, 21])
def test_the_limit_is_the_integral_over_the_ramp(k):
    p = (np.arange(100_000) + 0.5) / 100_000
    zeros = binom.cdf(k // 2, k, p)  # the majority says 0
    assert neighbour_limit(k) == pytest.approx(np.mean(p * zeros + (1 - p) * (1 - zeros)), rel=1e-8)
