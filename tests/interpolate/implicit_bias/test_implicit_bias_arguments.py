"""Arguments that the functions of implicit bias refuse."""

import numpy as np
import pytest

from gengap.errors import InputError
from gengap.interpolate.implicit_bias import (
    far_solutions,
    hard_margin,
    kernel_sgd,
    logistic_direction,
    loss_hessian,
    memorising_weights,
    null_space_part,
    sgd,
)

RNG = np.random.default_rng(0)

X, Y, START = RNG.standard_normal((12, 30)), RNG.standard_normal(12), RNG.standard_normal(30)

SIGNS = np.sign(Y)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: sgd(X, Y[:-1]), "inconsistent"),
        (lambda: sgd(X, Y, START[:-1]), "Weights of shape"),
        (lambda: sgd(X, Y, rate=0), "rate = 0"),
        (lambda: sgd(0 * X, Y), "X is 0 at all points"),
        (lambda: kernel_sgd(X, Y), "kernel matrix"),
        (lambda: kernel_sgd(X @ X.T, Y, [0.0]), "A start"),
        (lambda: hard_margin(X, Y), "Labels"),
        (lambda: hard_margin([[1.0], [2.0]], [1, -1]), "No plane"),
        (lambda: hard_margin([[np.nan]], [1]), "NaN"),
        (lambda: logistic_direction(X, SIGNS, []), "steps"),
        (lambda: logistic_direction(X, SIGNS, [1], optimiser="adamw"), "did you mean 'adam'"),
        (lambda: logistic_direction(X, SIGNS, [1.5, 3]), "steps holds 1.5"),
        (lambda: logistic_direction(X, SIGNS, [np.inf]), "steps holds inf"),
        (lambda: logistic_direction(X, SIGNS, [1], start=[0.0]), r"A start of shape \(1,\)"),
        (lambda: logistic_direction(X, SIGNS, [1], start=START * np.nan), "start holds NaN"),
        (lambda: logistic_direction(X, SIGNS, [1], rate=1e300), "after 1 steps have norm inf"),
        (lambda: kernel_sgd(np.tri(12), Y), "not symmetric"),
        (lambda: kernel_sgd(np.eye(12) - 2 * (np.arange(12) == 3) * np.eye(12), Y), "eigenvalue of -1"),
        (lambda: kernel_sgd([[0.0]], [1.0]), "K is 0 at all points"),
        (lambda: sgd(X, Y, rate="0.1"), "rate = '0.1'"),
        (lambda: sgd(X, Y, epochs=2.5), "epochs = 2.5"),
        (lambda: sgd(X, Y, tolerance=-1), "tolerance = -1"),
        (lambda: sgd(X, Y, seed=1.5), "seed = 1.5"),
        (lambda: sgd(1e-200 * X, 1e200 * Y), "beyond what float64 holds"),
        (lambda: sgd(X, ["a"] * 12), "a"),
        (lambda: loss_hessian(1e200 * X, Y, START, lambda f, y: np.ones_like(f)), "Hessian is beyond"),
        (lambda: loss_hessian(1e-200 * X, Y, START, lambda f, y: np.ones_like(f)), "Hessian is beyond"),
        (lambda: loss_hessian(X, Y, START, lambda f, y: f * np.nan), "curvature holds NaN"),
        (lambda: logistic_direction(1e200 * X, SIGNS, [1]), "does not hold its square"),
        (lambda: logistic_direction(X, SIGNS, "12"), "steps = '12'"),
        (lambda: logistic_direction(X, SIGNS, [1], optimiser=3), "Unknown optimiser 3"),
        (lambda: far_solutions(X, X, np.zeros((30, 1)), ["1"]), "distances = '1'"),
        (lambda: far_solutions(X, X, np.zeros((30, 1)), [1.0], epsilon=np.nan), "epsilon = nan"),
        (lambda: null_space_part(X, START * np.nan), "NaN"),
        (lambda: null_space_part(X, START[1:]), r"shape \(29,\)"),
        (lambda: memorising_weights(X.T, START[:, None]), "rank 12"),
        (lambda: memorising_weights(X, Y[:-1, None]), "12 examples but 11"),
        (lambda: far_solutions(X.T, X.T, np.zeros((12, 1)), [1.0]), "rank 12"),
        (lambda: far_solutions(X, X, np.zeros((12, 1)), [1.0]), "equal n"),
        (lambda: far_solutions(X, X, np.zeros((30, 1)), [np.inf]), "distances"),
    ],
)
def test_bad_input_is_told(call, told):
    with pytest.raises(InputError, match=told):
        call()
