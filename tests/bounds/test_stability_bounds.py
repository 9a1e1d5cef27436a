"""Stability: the bounds by hand and against runs that obey their assumptions; what is refused where one does not."""

import math

import numpy as np
import pytest

from gengap import bounds
from gengap.bounds import LossConstants
from gengap.errors import InputError

X = np.random.default_rng(0).normal(size=(40, 3))
Y = np.sign(X[:, 0] + 0.3 * np.random.default_rng(1).normal(size=40))


def test_bousquet_and_elisseeff_by_hand() -> None:
    n, beta, delta, risk, M = 1000, 1e-4, 0.05, 0.1, 2.0
    expected = risk + 2 * beta + (4 * n * beta + M) * math.sqrt(math.log(1 / delta) / (2 * n))
    assert bounds.stability_bound(risk, beta, n, delta, loss_bound=M) == pytest.approx(expected)
    assert bounds.stability_bound(0.0, 0.5, n) > 1


def ridge(x, y, regularisation: float, n: int):
    """The minimiser of (1/n) sum (y - <w, x>)^2 + lambda ||w||^2."""
    return np.linalg.solve(x.T @ x / n + regularisation * np.eye(x.shape[1]), x.T @ y / n)


@pytest.mark.parametrize("regularisation", [0.1, 1.0])
def test_ridge_regression_is_as_stable_as_promised(regularisation: float) -> None:
    n, kappa_squared = len(X), float(np.square(X).sum(axis=1).max())
    promised = bounds.kernel_stability(2.0, kappa_squared, regularisation, n)
    whole = np.square(Y - X @ ridge(X, Y, regularisation, n))
    worst = 0.0
    for i in range(n):
        kept = np.arange(n) != i
        without = np.square(Y - X @ ridge(X[kept], Y[kept], regularisation, n))
        worst = max(worst, float(np.abs(whole - without).max()))
    assert 0 < worst <= promised


def sgd_logistic(y, steps, order):
    w = np.zeros(X.shape[1])
    for alpha, i in zip(steps, order, strict=True):
        w = w + alpha * y[i] * X[i] / (1 + math.exp(y[i] * (w @ X[i])))
    return np.logaddexp(0, -Y * (X @ w))


def test_logistic_regression_by_sgd_keeps_to_theorem_3_8() -> None:
    """Twins with the same random indices, the mean over indices of the largest change."""
    n, T = len(X), 200
    constants = bounds.logistic_constants(X)
    steps = np.full(T, 1 / constants.smoothness)
    promised = bounds.hardt2016_convex(constants, steps, n)
    twin = Y.copy()
    twin[7] = -twin[7]
    orders = np.random.default_rng(2).integers(0, n, size=(50, T))
    changes = [np.abs(sgd_logistic(Y, steps, order) - sgd_logistic(twin, steps, order)) for order in orders]
    assert 0 < np.mean(changes, axis=0).max() <= promised
    assert promised == pytest.approx(2 * constants.lipschitz**2 * steps.sum() / n)


def test_strongly_convex_by_hand() -> None:
    constants = LossConstants(2.0, 4.0)
    assert bounds.hardt2016_strongly_convex(constants, 0.5, [0.25] * 9, 100) == pytest.approx(2 * 4 / 50)
    decaying = [1 / (0.5 * t) for t in range(1, 10)]
    found = bounds.hardt2016_strongly_convex_decaying(constants, 0.5, decaying, 100, largest_loss=3.0)
    assert found == pytest.approx((2 * 4 + 4 * 3) / 50)


def test_non_convex_by_hand_and_from_the_recursion_it_optimises() -> None:
    L, smooth, c, T, n = 0.5, 0.8, 0.5, 1000, 5000
    q = smooth * c
    found = bounds.hardt2016_nonconvex(LossConstants(L, smooth), [c / t for t in range(1, T + 1)], n)
    assert found == pytest.approx((1 + 1 / q) / (n - 1) * (2 * c * L**2) ** (1 / (q + 1)) * T ** (q / (q + 1)))
    # Before step t0 the examples that differ are met with probability t0 / n; after it the distance grows at most so.
    t0 = np.arange(1, T)
    over_t0 = t0 / n + 2 * L**2 / (smooth * (n - 1)) * (T / t0) ** q
    assert over_t0.min() == pytest.approx(found, rel=0.01)


def test_the_smallest_c_is_found_and_the_value_is_cut() -> None:
    constants = LossConstants(1.0, 1.0)
    steps = [0.1, 0.1, 0.05]
    smallest = bounds.hardt2016_nonconvex(constants, [0.2 / t for t in (1, 2, 3)], 10**6)
    assert bounds.hardt2016_nonconvex(constants, steps, 10**6) == pytest.approx(smallest)
    assert bounds.hardt2016_nonconvex(LossConstants(100.0, 100.0), [1.0] * 500, 10) == 1.0


GOOD = LossConstants(1.0, 4.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds.hardt2016_convex(GOOD, [0.1], 10, momentum=0.9), "momentum 0.9"),
        (lambda: bounds.hardt2016_convex(GOOD, [0.6], 10), "too large"),
        (lambda: bounds.hardt2016_convex(LossConstants(1.0, math.inf), [0.1], 10), "smoothness = inf"),
        (lambda: bounds.hardt2016_convex(GOOD, [], 10), "steps has shape"),
        (lambda: bounds.hardt2016_strongly_convex(GOOD, 1.0, [0.1, 0.2], 10), "step size changes"),
        (lambda: bounds.hardt2016_strongly_convex(GOOD, 1.0, [0.3], 10), "too large"),
        (lambda: bounds.hardt2016_strongly_convex(GOOD, 5.0, [0.1], 10), "convexity"),
        (lambda: bounds.hardt2016_strongly_convex_decaying(GOOD, 1.0, [1.0, 1.0], 10, largest_loss=1.0), "gamma t"),
        (lambda: bounds.hardt2016_nonconvex(GOOD, [0.1, 0.2], 10), "step size grows"),
        (lambda: bounds.hardt2016_nonconvex(GOOD, [0.1], 10, momentum=0.5), "momentum"),
        (lambda: bounds.stability_bound(0.1, -1.0, 10), "beta"),
        (lambda: bounds.kernel_stability(1.0, 1.0, 0.0, 10), "regularisation = 0"),
        (lambda: bounds.logistic_constants([1.0]), "shape"),
        (lambda: bounds.logistic_constants([[1e200]]), "finite"),
        (lambda: bounds.logistic_constants([[0.0]]), "above 0"),
        (lambda: bounds.stability_bound(0.1, 0.1, 2.7), "n = 2.7"),
        (lambda: bounds.stability_bound(math.nan, 0.1, 10), "risk = nan"),
        (lambda: bounds.stability_bound(1.5, 0.1, 10), "risk = 1.5"),
        (lambda: bounds.stability_bound(0.1, "0", 10), "beta = '0'"),
        (lambda: bounds.kernel_stability(1.0, 1.0, 1.0, "10"), "n = '10'"),
        (lambda: bounds.hardt2016_nonconvex(GOOD, [0.1], 2.5), "n = 2.5"),
    ],
)
def test_refused_where_an_assumption_does_not_hold(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
