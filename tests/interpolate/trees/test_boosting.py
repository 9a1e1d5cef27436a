"""AdaBoost and L2-boosting, round by round."""

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import gengap
from gengap.interpolate.trees import (
    adaboost_margins,
    boosted_scores,
    first_fit,
    l2_boosting,
)


@pytest.fixture(scope="module")
def digits():
    problem = gengap.load("digits").take(500, 300)
    return [a for s in (problem.train, problem.test) for a in (s.x.reshape(len(s), -1), s.y)]


def test_margins_are_those_of_the_weighted_votes(digits):
    x, y, x_test, y_test = (part[:100] for part in digits)
    path = adaboost_margins(x, y, x_test, y_test, rounds=12, max_leaves=16, random_state=0)
    tree = DecisionTreeClassifier(max_leaf_nodes=16)
    model = AdaBoostClassifier(tree, n_estimators=12, random_state=0).fit(x, y)
    for point, said in zip(path, model.staged_predict(x_test), strict=True):
        assert point.test_error == np.mean(said != y_test)
    margins = []
    for example, label in zip(x, y, strict=True):
        share = np.zeros(10)
        for weight, member in zip(model.estimator_weights_, model.estimators_, strict=True):
            share[member.predict(example[None])[0]] += weight / model.estimator_weights_.sum()
        margins.append(share[label] - max(np.delete(share, label)))
    assert path[-1].smallest_margin == pytest.approx(min(margins))
    assert path[-1].mean_margin == pytest.approx(np.mean(margins))
    assert path[-1].tenth_margin == pytest.approx(np.quantile(margins, 0.1))


def test_margins_grow_past_zero_training_error(digits):
    path = adaboost_margins(*digits, rounds=60, max_leaves=16, random_state=0)
    fit = first_fit(path)
    assert fit is not None
    assert fit < 40
    at, last = path[fit - 1], path[-1]
    assert last.train_error == 0
    assert last.smallest_margin > at.smallest_margin + 0.05
    assert last.test_error < at.test_error
    assert all((point.smallest_margin > 0) == (point.train_error == 0) for point in path)


def test_l2_boosting_of_two_classes_is_that_of_one_output(digits):
    """The outputs sum to c = 1 - (1 - shrinkage)^t at every point, so their difference is boosted on labels -1, 1."""
    x, y, x_test, y_test = digits
    found = l2_boosting(x, y % 2, x_test, y_test % 2, rounds=8, max_leaves=6, shrinkage=0.5, random_state=0)
    rng, target = np.random.RandomState(0), 2.0 * (y % 2) - 1
    difference, difference_test = np.zeros(len(y)), np.zeros(len(y_test))
    for point in found:
        tree = DecisionTreeRegressor(max_leaf_nodes=6, random_state=rng).fit(x, target - difference)
        difference += 0.5 * tree.predict(x)
        difference_test += 0.5 * tree.predict(x_test)
        left = 0.5**point.rounds
        assert point.train_loss == pytest.approx(np.mean((difference - target) ** 2) / 2 + left**2 / 2)
        assert point.test_error == np.mean((difference_test > 0) != y_test % 2)


def test_l2_boosting_by_hand():
    """Two points, one split: each round leaves (1 - shrinkage) of the labels."""
    found = l2_boosting([[0.0], [1.0]], [0, 1], [[2.0]], [0], rounds=3, max_leaves=2, shrinkage=0.5)
    assert [p.train_loss for p in found] == pytest.approx([0.25, 0.0625, 0.015625])
    assert [p.test_loss for p in found] == pytest.approx([1 + 0.5**2, 1 + 0.75**2, 1 + 0.875**2])
    assert {p.test_error for p in found} == {1.0}


def test_boosted_scores_add_shrunken_trees(digits):
    x, y, x_test, _ = (a[:60] for a in digits)
    targets = np.eye(10)[y]
    options = {"max_leaf_nodes": 10, "max_features": "sqrt"}
    rng = np.random.RandomState(3)
    rounds = list(
        boosted_scores(x, targets, x_test, rounds=2, max_leaves=10, shrinkage=0.85, rng=rng, max_features="sqrt")
    )
    rng = np.random.RandomState(3)
    one = DecisionTreeRegressor(**options, random_state=rng).fit(x, targets)
    other = DecisionTreeRegressor(**options, random_state=rng).fit(x, targets - 0.85 * one.predict(x))
    np.testing.assert_allclose(rounds[0][0], 0.85 * one.predict(x))
    np.testing.assert_allclose(rounds[1][0], 0.85 * (one.predict(x) + other.predict(x)))
    np.testing.assert_allclose(rounds[1][1], 0.85 * (one.predict(x_test) + other.predict(x_test)))


def test_boosting_fits_and_its_test_error_stays(digits):
    path = l2_boosting(*digits, rounds=60, random_state=0)
    fit = first_fit(path)
    assert fit is not None
    assert path[-1].test_error <= path[fit - 1].test_error + 0.02
