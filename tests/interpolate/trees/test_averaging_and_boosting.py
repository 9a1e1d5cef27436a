"""What averaging trees gains, margins past zero training error, and neighbours against a known Bayes error."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.ensemble import AdaBoostClassifier
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import gengap
from gengap.errors import InputError
from gengap.interpolate.trees import (
    RAMP_BAYES,
    adaboost_margins,
    averaging,
    boosted_scores,
    first_fit,
    forests,
    l2_boosting,
    neighbour_limit,
    ramp,
    true_risk,
    votes,
)

RNG = np.random.default_rng(0)


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


@pytest.mark.parametrize("name", ["perfect-random", "extra-trees", "random-forest"])
def test_every_tree_interpolates(made, digits, name):
    forest, _ = made[name]
    assert (votes(forest, digits[0]) == digits[1]).all()
    assert averaging(votes(forest, digits[0]), digits[1]).correlation is None


@pytest.mark.parametrize("name", ["perfect-random", "extra-trees", "random-forest"])
@pytest.mark.parametrize("change", [lambda x: x * 1e-9, lambda x: x / 16 + 1e8, lambda x: x * 1e30])
def test_every_tree_interpolates_whatever_the_scale_and_place_of_the_columns(digits, name, change):
    x = change(digits[0].astype(np.float64))
    labels = np.array(list("abcdefghij"))[digits[1]]
    forest = forests(3, random_state=0)[name].fit(x, labels)
    assert (votes(forest, x) == labels).all()
    assert (forest.predict(x) == labels).all()
    assert forest.train_error_ == 0


@pytest.mark.parametrize("name", ["extra-trees", "random-forest"])
def test_trees_that_do_not_interpolate_are_refused(name):
    x = [[0.0], [1e-9], [1.0], [1.0]]
    forest = forests(3, random_state=0)[name]
    with pytest.raises(InputError, match=r"[12] of 4 training points, point [01] first"):
        forest.fit(x, [0, 1, 1, 1])
    assert forest.fit(x, [0, 0, 1, 1]).predict([[0.9]]).tolist() in ([0], [1])


@pytest.mark.parametrize("name", ["perfect-random", "extra-trees", "random-forest"])
@pytest.mark.parametrize("method", ["predict", "predict_proba", "tree_predictions"])
def test_a_forest_before_fit_says_that_it_is_not_fitted(name, method):
    with pytest.raises(NotFittedError):
        getattr(forests(2, 0)[name], method)([[0.0]])


def test_breimans_bound_holds_for_any_votes():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 3, 40)
        said = np.where(rng.random((7, 40)) < 0.6, y, rng.integers(0, 3, (7, 40)))
        found = averaging(said, y)
        assert found.strength > 0
        assert found.forest_error <= found.bound


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


BINARY = ([[0.0], [1.0]], [0, 1], [[0.0]], [0])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: averaging([[0, 1]], [0]), "Predictions"),
        (lambda: averaging([[0, 0]], [0, 0]), "one class"),
        (lambda: neighbour_limit(2), "k = 2"),
        (lambda: neighbour_limit(1.5), "k = 1.5"),
        (lambda: ramp(2.7), "n = 2.7"),
        (lambda: true_risk([1, 0], [0.5, 1.5]), "probability from 0.5 to 1.5"),
        (lambda: true_risk(["1", "0"], [0.5, 0.5]), "predictions holds what is no number"),
        (lambda: true_risk([1, 2], [0.5, 0.5]), "0 and 1"),
        (lambda: true_risk([1], [0.5, 0.5]), "one shape"),
        (lambda: averaging([[0.0, np.nan]], [0, 1]), "NaN"),
        (lambda: forests(2.5, 0), "n_trees = 2.5"),
        (lambda: forests(2, -1), "random_state = -1"),
        (lambda: adaboost_margins(*BINARY, rounds=2.5), "rounds = 2.5"),
        (lambda: l2_boosting(*BINARY, rounds=2.5), "rounds = 2.5"),
        (lambda: l2_boosting(*BINARY, max_leaves="3"), "max_leaves = '3'"),
        (lambda: l2_boosting(*BINARY, random_state="a"), "random_state = 'a'"),
        (lambda: forests(2, 0)["perfect-random"].fit([[0.0], [1.0]], [0.5, 1.5]), "continuous"),
        (lambda: forests(2, 0)["extra-trees"].fit([[0.0], [1.0]], [0.5, 1.5]), "continuous"),
        (lambda: l2_boosting([[0.0], [1.0]], [0.5, 1.5], [[0.0]], [0]), "continuous"),
        (lambda: adaboost_margins([[0.0], [1.0]], [0, 1], [[0.0], [1.0]], [0.5, 1.5]), "continuous"),
        (lambda: ramp(0), "n = 0"),
        (lambda: adaboost_margins(*BINARY, rounds=0), "rounds = 0"),
        (lambda: l2_boosting(*BINARY, shrinkage=0), "shrinkage"),
        (lambda: l2_boosting([[0.0], [1.0]], [1, 1], [[0.0]], [1]), "the same"),
        (lambda: l2_boosting([[0.0], [1.0]], [0, 1], [[0.0, 1.0]], [1]), "1 features"),
        (lambda: l2_boosting([[0.0], [np.inf]], [0, 1], [[0.0]], [1]), "infinity"),
    ],
)
def test_bad_input_is_told(call, told):
    with pytest.raises(InputError, match=told):
        call()
