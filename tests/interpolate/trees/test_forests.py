"""PERT: the contract, any labels, nested trees."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import parametrize_with_checks

import gengap
from gengap.errors import InputError
from gengap.interpolate.trees import PerfectRandomForest

RNG = np.random.default_rng(0)

X, Y = RNG.standard_normal((150, 4)), RNG.integers(0, 3, 150)


@parametrize_with_checks([PerfectRandomForest(n_trees=3, random_state=0)])
def test_scikit_learns_contract(estimator, check):
    check(estimator)


points = st.integers(1, 3).flatmap(
    lambda d: st.lists(st.tuples(*[st.integers(-3, 3)] * d), min_size=2, max_size=30, unique=True)
)


@settings(max_examples=40)
@given(x=points, data=st.data(), seed=st.integers(0, 99))
def test_any_labels_on_any_points(x, data, seed):
    y = np.array(data.draw(st.lists(st.sampled_from("abc"), min_size=len(x), max_size=len(x))))
    forest = PerfectRandomForest(n_trees=2, random_state=seed).fit(np.array(x, dtype=float), y)
    assert (forest.tree_predictions(np.array(x)) == y).all()
    assert forest.train_error_ == 0


def test_more_trees_begin_with_fewer():
    few, many = (PerfectRandomForest(n, random_state=3).fit(X, Y) for n in (2, 5))
    np.testing.assert_array_equal(few.tree_predictions(X + 1), many.tree_predictions(X + 1)[:2])
    shares = np.stack([(many.tree_predictions(X + 1) == c).mean(axis=0) for c in range(3)], axis=1)
    np.testing.assert_allclose(many.predict_proba(X + 1), shares)


def test_random_labels_are_fitted_and_real_ones_learned():
    digits = gengap.load("digits")
    x, x_test = (split.x.reshape(len(split), -1) for split in (digits.train, digits.test))
    noise = digits.corrupt("labels", level=1.0, seed=0)
    forest = PerfectRandomForest(40, random_state=0).fit(x, digits.train.y)
    assert np.mean(forest.predict(x_test) != digits.test.y) < 0.08
    memorised = PerfectRandomForest(3, random_state=0).fit(x, noise.train.y)
    assert memorised.train_error_ == 0
    assert np.mean(memorised.predict(x_test) != digits.test.y) > 0.8


@pytest.mark.parametrize(
    ("x", "y", "options", "told"),
    [
        ([[1.0], [2.0], [1.0]], [0, 1, 1], {}, "Points [02] and [02] are equal"),
        ([[1.0], [np.nan]], [0, 1], {}, "NaN"),
        ([[1.0], [2.0]], [0, 1], {"n_trees": 0}, "n_trees = 0"),
        ([[1.0], [2.0]], [0, 1], {"n_trees": "3"}, "n_trees = '3'"),
        ([[1.0], [2.0]], [0, 1], {"random_state": "a"}, "random_state = 'a'"),
        ([[1.0], [2.0]], [0, 1, 2], {}, "inconsistent"),
    ],
)
def test_bad_input_is_told(x, y, options, told):
    with pytest.raises(InputError, match=told):
        PerfectRandomForest(**{"n_trees": 2, "random_state": 0, **options}).fit(x, y)
