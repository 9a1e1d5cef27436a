"""Forests of scikit-learn on standardised columns: every tree interpolates, or they are refused."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import gengap
from gengap.errors import InputError
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
