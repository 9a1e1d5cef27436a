"""Arguments that trees, boosting and neighbours refuse."""

import numpy as np
import pytest

from gengap.errors import InputError
from gengap.interpolate.trees import (
    adaboost_margins,
    averaging,
    forests,
    l2_boosting,
    neighbour_limit,
    ramp,
    true_risk,
)

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
