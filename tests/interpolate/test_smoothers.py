"""Smoothers: weights that give back predictions, and effective numbers of parameters known by hand."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

from gengap.errors import InputError
from gengap.interpolate import RandomFourierFeatures, ridgeless_path
from gengap.interpolate.kernel import KernelSpectrum, ridge
from gengap.interpolate.smoothers import (
    boosting_weights,
    effective_parameters,
    forest_weights,
    leaf_weights,
    neighbour_weights,
)
from gengap.interpolate.trees import boosted_scores, boosted_trees

RNG = np.random.default_rng(0)
X, NEW = RNG.standard_normal((30, 4)), RNG.standard_normal((11, 4))
Y, Y_NEW = RNG.standard_normal((30, 3)), RNG.standard_normal((11, 3))


def test_the_definition():
    s = RNG.standard_normal((11, 30))
    assert effective_parameters(s) == pytest.approx(30 / 11 * sum(sum(w**2 for w in row) for row in s), rel=1e-12)


def test_noise_in_the_values_moves_predictions_as_much_as_it_says():
    s = np.stack([w for _, w in forest_weights(_forest().estimators_, X, NEW)][-1:])[0]
    noise = 0.3 * RNG.standard_normal((30, 20_000))
    variance = (s @ noise).var(axis=1).mean()
    assert variance == pytest.approx(0.09 / 30 * effective_parameters(s), rel=0.03)


@pytest.mark.parametrize("k", [1, 3, 30])
def test_neighbours_have_n_over_k_at_any_points(k):
    for points in (X, NEW):
        weights = neighbour_weights(X, points, k)
        assert effective_parameters(weights) == pytest.approx(30 / k)
        np.testing.assert_allclose(weights @ Y, KNeighborsRegressor(k).fit(X, Y).predict(points), atol=1e-12)
    assert effective_parameters(neighbour_weights(X, X, 1)) == 30  # it interpolates


def _forest() -> RandomForestRegressor:
    return RandomForestRegressor(5, bootstrap=False, max_features=2, max_leaf_nodes=8, random_state=0).fit(X, Y)


def test_forest_weights_give_its_predictions_and_a_tree_has_as_many_parameters_as_leaves():
    forest = _forest()
    pairs = [(train.copy(), at.copy()) for train, at in forest_weights(forest.estimators_, X, NEW)]
    np.testing.assert_allclose(pairs[-1][1] @ Y, forest.predict(NEW), atol=1e-12)
    np.testing.assert_allclose(pairs[0][0] @ Y, forest.estimators_[0].predict(X), atol=1e-12)
    assert effective_parameters(pairs[0][0]) == pytest.approx(8)  # each leaf: its points, each 1 / size of it
    # The norm of a mean is at most the mean norm, to rounding.
    assert all(effective_parameters(train) <= 8 * (1 + 1e-12) for train, _ in pairs)


def test_trees_grown_out_interpolate_and_have_n_at_training_points():
    forest = RandomForestRegressor(4, bootstrap=False, max_features=1, random_state=0).fit(X, Y)
    *_, (train, at) = forest_weights(forest.estimators_, X, NEW)
    assert effective_parameters(train) == pytest.approx(30)
    assert effective_parameters(at) < 30  # averaged at points that the trees disagree on


@pytest.mark.parametrize("shrinkage", [1.0, 0.5])
def test_boosting_weights_give_its_scores_in_every_round(shrinkage):
    options = {"rounds": 6, "max_leaves": 4, "shrinkage": shrinkage, "max_features": "sqrt"}
    trees = [tree for tree, _ in boosted_trees(X, Y, rng=np.random.RandomState(0), **options)]
    scores = list(boosted_scores(X, Y, NEW, rng=np.random.RandomState(0), **options))
    weights = boosting_weights(trees, X, NEW, shrinkage)
    for (train, at), (expected, expected_at) in zip(weights, scores, strict=True):
        np.testing.assert_allclose(train @ Y, expected, atol=1e-11)
        np.testing.assert_allclose(at @ Y, expected_at, atol=1e-11)


def test_one_round_of_boosting_is_a_tree_shrunk():
    (tree, _), *_ = boosted_trees(X, Y, rounds=1, max_leaves=5, shrinkage=0.5, rng=np.random.RandomState(0))
    train, _ = next(boosting_weights([tree], X, NEW, 0.5))
    assert effective_parameters(train) == pytest.approx(0.25 * 5)


def test_least_squares_has_n_parameters_below_the_threshold_and_n_examples_beyond():
    features = RandomFourierFeatures("gaussian", 2.0, random_state=0)
    path = ridgeless_path(features, X, Y, NEW, Y_NEW, [1, 7, 29, 30, 31, 90, 2000], test_parameters=True)
    for point in path:
        N = point.n_features
        made = RandomFourierFeatures("gaussian", 2.0, n_features=N, random_state=0).fit(X)
        Z, Z_new = made.transform(X), made.transform(NEW)
        inverse = np.linalg.pinv(Z)
        assert point.rank == pytest.approx(effective_parameters(Z @ inverse), rel=1e-6) == min(N, 30)
        assert point.test_parameters == pytest.approx(effective_parameters(Z_new @ inverse), rel=1e-6)
    plain = ridgeless_path(features, X, Y, NEW, Y_NEW, [7])
    assert plain[0].test_parameters is None


def test_dependent_features_count_once():
    features = RandomFourierFeatures("relu", random_state=0)  # all ReLUs of one sign are 0 or linear in one dimension
    line, at = np.linspace(0.1, 1, 12)[:, None], np.linspace(0.2, 0.8, 5)[:, None]
    y, y_at = line**2, at**2
    for point in ridgeless_path(features, line, y, at, y_at, [8, 40], test_parameters=True):
        Z = RandomFourierFeatures("relu", n_features=point.n_features, random_state=0).fit(line)
        inverse = np.linalg.pinv(Z.transform(line), rcond=1e-10)
        assert point.rank == 1
        assert point.test_parameters == pytest.approx(effective_parameters(Z.transform(at) @ inverse), rel=1e-8)


def test_a_ridge_lowers_the_effective_number_from_n():
    spectrum = KernelSpectrum(X, "laplacian", 2.0)
    numbers = [effective_parameters(spectrum.weights(X, ridge(strength))) for strength in (1e-9, 0.1, 1.0, 1e6)]
    assert numbers[0] == pytest.approx(30, rel=1e-6)
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] < 1e-6


def _tree(**options) -> DecisionTreeRegressor:
    return DecisionTreeRegressor(max_leaf_nodes=6, random_state=0, **options).fit(
        X, Y if "criterion" not in options else Y[:, 0]
    )


@pytest.mark.parametrize("weights", [forest_weights, lambda *given: boosting_weights(*given, 0.5)])
@pytest.mark.parametrize(
    ("trees", "points", "at", "message"),
    [
        (lambda: [_tree()], X[:20], NEW, "other points than X"),
        (lambda: [_tree()], RNG.standard_normal((30, 4)), NEW, "other points than X"),
        (lambda: [_tree()], np.concatenate([X, X]), NEW, "other points than X"),
        (lambda: RandomForestRegressor(1, random_state=0).fit(X, Y).estimators_, X, NEW, "repeated ones"),
        (lambda: [DecisionTreeRegressor().fit(X, Y, sample_weight=np.arange(1, 31))], X, NEW, "weighted"),
        (lambda: [_tree(criterion="absolute_error")], X, NEW, "medians"),
        (lambda: [_tree()], X[:, :3], NEW[:, :3], "3 features, a tree was grown on 4"),
        (lambda: [_tree()], X, NEW[:, :3], "4 features, the others 3"),
        (lambda: [None], X, NEW, "None among the trees"),
        (lambda: [DecisionTreeRegressor()], X, NEW, "among the trees"),
        (lambda: [_tree()], np.where(X > 2, np.nan, X), NEW, "X holds NaN"),
        (lambda: [_tree()], X, np.full_like(NEW, np.nan), "X_at holds NaN"),
    ],
)
def test_trees_and_points_that_do_not_belong_together_are_refused(weights, trees, points, at, message):
    with pytest.raises(InputError, match=message):
        next(weights(trees(), points, at))


@pytest.mark.parametrize("weights", [forest_weights, lambda *given: boosting_weights(*given, 0.5)])
def test_what_is_no_sequence_of_trees_is_refused_with_what_to_give(weights):
    boosted = GradientBoostingRegressor(n_estimators=2, init="zero").fit(X, Y[:, 0])
    for trees, message in [
        (None, "None instead of trees"),
        (3, "3 instead of trees"),
        (boosted, "instead of trees"),
        (boosted.estimators_, r"shape \(2, 1\)"),
    ]:
        with pytest.raises(InputError, match=message) as refused:
            weights(trees, X, NEW)
        assert "estimators_[:, 0]" in refused.value.next_step
    monotonic = DecisionTreeRegressor(monotonic_cst=[1, 0, 0, 0]).fit(X, Y[:, 0])
    with pytest.raises(InputError, match="monotonic"):
        next(weights([monotonic], X, NEW))


def test_boosting_of_another_start_or_loss_is_no_smoother_of_these_weights():
    y = Y[:, 0]

    def last(given, learning_rate=0.5, **options):
        model = GradientBoostingRegressor(n_estimators=3, learning_rate=0.5, random_state=0, **options).fit(X, y)
        *_, (train, _) = boosting_weights(model.estimators_[:, 0], X, NEW, learning_rate, given)
        return train, model.predict(X)

    train, predicted = last(y, init="zero")
    np.testing.assert_allclose(train @ y, predicted, atol=1e-6)
    for options in ({}, {"init": "zero", "loss": "absolute_error"}, {"init": "zero", "learning_rate": 0.4}):
        with pytest.raises(InputError, match="does not predict the means"):
            last(y, **options)
        last(None, **options)  # trees alone do not tell
    with pytest.raises(InputError, match="y has shape"):
        boosting_weights([], X, NEW, 0.5, y[:3])


def test_what_can_be_refused_is_refused_before_the_first_tree():
    with pytest.raises(InputError, match="shrinkage"):
        boosting_weights([], X, NEW, 0.0)
    with pytest.raises(InputError, match="X_at holds NaN"):
        forest_weights([], X, np.full_like(NEW, np.nan))


def test_training_points_in_another_order_are_the_same_points():
    order = RNG.permutation(30)
    train, at = (part.copy() for part in next(forest_weights([_tree()], X, NEW)))
    shuffled, at_shuffled = next(forest_weights([_tree()], X[order], NEW))
    np.testing.assert_array_equal(shuffled, train[order][:, order])
    np.testing.assert_array_equal(at_shuffled, at[:, order])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: effective_parameters([[np.nan]]), "weights"),
        (lambda: effective_parameters([[1e200]]), "exceeds float64"),
        (lambda: effective_parameters([[1.0], [1.0, 2.0]]), "no number"),
        (lambda: leaf_weights([[1, 2], [3]], [1]), "one leaf a point"),
        (lambda: leaf_weights([1, 2], ["a"]), "one leaf a point"),
        (lambda: effective_parameters(np.zeros((0, 3))), "at least one"),
        (lambda: neighbour_weights(X, NEW, 31), "k = 31"),
        (lambda: neighbour_weights(X, NEW[:, :2], 1), "features"),
        (lambda: leaf_weights([1, 2], [3]), "Leaf 3"),
        (lambda: leaf_weights([[1]], [3]), "one leaf a point"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
