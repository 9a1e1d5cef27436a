"""What the average of trees gains over each of them."""

from itertools import combinations

import numpy as np
import pytest

import gengap
from gengap.interpolate.trees import (
    averaging,
    forests,
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


def test_three_trees_by_hand():
    found = averaging([[0, 0, 1, 1], [0, 1, 1, 0], [0, 1, 0, 1]], [0, 0, 0, 1])
    assert (found.trees, found.points) == (3, 4)
    assert found.tree_error == pytest.approx((1 + 3 + 1) / 12)
    assert found.best_tree_error == 1 / 4
    assert found.forest_error == 2 / 4
    assert found.strength == pytest.approx((1 - 1 / 3 - 1 / 3 + 1 / 3) / 4)
    assert found.forest_loss == pytest.approx((0 + 8 / 9 + 8 / 9 + 2 / 9) / 4)
    wrong = np.array([[0, 0, 1, 0], [0, 1, 1, 1], [0, 1, 0, 0]])
    pairs = [np.corrcoef(wrong[i], wrong[j])[0, 1] for i, j in combinations(range(3), 2)]
    assert found.correlation == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize("name", ["perfect-random", "extra-trees", "random-forest"])
def test_averaging_gains_what_the_trees_differ(made, digits, name):
    said, y = made[name][1], digits[3]
    found = averaging(said, y)
    one_hot = np.eye(10)[said]
    ambiguity = ((one_hot - one_hot.mean(axis=0)) ** 2).sum(axis=2).mean()
    assert found.ambiguity == pytest.approx(ambiguity, rel=1e-12)
    assert found.forest_loss == pytest.approx(found.tree_loss - ambiguity, rel=1e-12)
    wrong = (said != y).astype(float)
    pairs = [np.corrcoef(wrong[i], wrong[j])[0, 1] for i, j in combinations(range(len(said)), 2)]
    assert found.correlation == pytest.approx(np.mean(pairs), rel=1e-9)
    assert found.forest_error <= found.bound
    assert found.forest_error < found.best_tree_error / 2  # the seeds' measurement: averaging helps, and much


def test_breimans_bound_holds_for_any_votes():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 3, 40)
        said = np.where(rng.random((7, 40)) < 0.6, y, rng.integers(0, 3, (7, 40)))
        found = averaging(said, y)
        assert found.strength > 0
        assert found.forest_error <= found.bound
