"""Least squares through the interpolation peak, its work shared, against one solution for each N."""

import json
import tracemalloc
from dataclasses import asdict
from fractions import Fraction

import numpy as np
import pytest

from gengap.errors import InputError
from gengap.interpolate import RandomFourierFeatures, ridgeless_path
from gengap.interpolate.double_descent.ridgeless import bytes_needed

RNG = np.random.default_rng(0)
N_TRAIN, D = 40, 6
X, X_TEST = RNG.standard_normal((N_TRAIN, D)), RNG.standard_normal((25, D))
CLASSES, CLASSES_TEST = RNG.integers(0, 3, N_TRAIN), RNG.integers(0, 3, 25)
Y, Y_TEST = np.eye(3)[CLASSES], np.eye(3)[CLASSES_TEST]
MAPS = [RandomFourierFeatures("gaussian", 2.0, random_state=0), RandomFourierFeatures("relu", random_state=0)]
GRID = [1, 2, 5, 20, 38, 39, 40, 41, 42, 60, 200, 1000, 2000]


@pytest.mark.parametrize("features", MAPS)
def test_each_point_is_numpys_least_squares_solution(features):
    path = ridgeless_path(features, X, Y, X_TEST, Y_TEST, GRID)
    assert [point.n_features for point in path] == GRID
    for point in path:
        made = type(features)(**features.get_params()).set_params(n_features=point.n_features).fit(X)
        Z, Z_test = made.transform(X), made.transform(X_TEST)
        coefficients = np.linalg.lstsq(Z, Y, rcond=None)[0]
        np.testing.assert_allclose(coefficients, np.linalg.pinv(Z) @ Y, rtol=1e-6, atol=1e-9)
        train, test = Z @ coefficients, Z_test @ coefficients
        assert point.norm == pytest.approx(np.linalg.norm(coefficients), rel=1e-9)
        assert point.unscaled_norm == pytest.approx(point.norm * made.scale(point.n_features), rel=1e-12)
        assert point.train_loss == pytest.approx(((train - Y) ** 2).sum(axis=1).mean(), rel=1e-9, abs=1e-18)
        assert point.test_loss == pytest.approx(((test - Y_TEST) ** 2).sum(axis=1).mean(), rel=1e-8)
        assert point.train_error == np.mean(train.argmax(axis=1) != CLASSES)
        assert point.test_error == np.mean(test.argmax(axis=1) != CLASSES_TEST)
        assert point.residual == pytest.approx(np.abs(train - Y).max(), rel=1e-9, abs=1e-9)
        assert point.condition / 30 < np.linalg.cond(Z) < 30 * point.condition
        assert point.reliable


@pytest.mark.parametrize("features", MAPS)
def test_laws_on_both_sides_of_the_threshold(features):
    path = ridgeless_path(features, X, Y, X_TEST, Y_TEST, range(1, 121, 3))
    below, above = (
        [p for p in path if p.n_features <= N_TRAIN],
        [p for p in path if p.n_features >= N_TRAIN],
    )
    losses = [p.train_loss for p in below]
    assert np.all(np.diff(losses) < 0)  # more features fit better,
    assert all(p.residual < 1e-8 for p in above)  # from n on exactly,
    norms = [p.unscaled_norm for p in above]
    assert np.all(np.diff(norms) < 0)  # and then by ever smaller coefficients
    assert max(path, key=lambda p: p.norm).n_features == N_TRAIN


def test_many_features_reach_the_kernel_machine():
    """Minimum norm on N features approaches K alpha = y: its predictions, and its norm sqrt(y^T K^-1 y)."""

    def kernel(a, b):
        return np.exp(-((a[:, None] - b) ** 2).sum(axis=2) / (2 * 2.0**2))

    alpha = np.linalg.solve(kernel(X, X), Y)
    norm = np.sqrt((Y * alpha).sum())
    loss = ((kernel(X_TEST, X) @ alpha - Y_TEST) ** 2).sum(axis=1).mean()
    path = ridgeless_path(MAPS[0], X, Y, X_TEST, Y_TEST, [200, 20_000])
    off = [abs(p.norm / norm - 1) for p in path]
    assert off[1] < 0.02
    assert off[1] < off[0] / 3  # 100 times the features; 1 / sqrt(N) says 10
    assert path[1].test_loss == pytest.approx(loss, rel=0.02)


def test_the_grid_does_not_change_its_points():
    whole = {p.n_features: p for p in ridgeless_path(MAPS[0], X, Y, X_TEST, Y_TEST, GRID)}
    for count in (20, 41, 1000):
        alone = ridgeless_path(MAPS[0], X, Y, X_TEST, Y_TEST, [count, count])[0]
        assert alone.norm == pytest.approx(whole[count].norm, rel=1e-10)
        assert alone.test_loss == pytest.approx(whole[count].test_loss, rel=1e-9)


def test_one_output_has_no_classes():
    one = ridgeless_path(MAPS[0], X, Y[:, 0], X_TEST, Y_TEST[:, 0], [10, 100])
    for k, point in enumerate(ridgeless_path(MAPS[0], X, Y[:, :1], X_TEST, Y_TEST[:, :1], [10, 100])):
        assert point == one[k]
        assert point.train_error is None


@pytest.mark.parametrize("count", [30, 50, 200])
def test_what_float64_cannot_tell_is_flagged(count):
    flat = RandomFourierFeatures("gaussian", 1e6, random_state=0)  # all features are nearly 1 or 0
    point = ridgeless_path(flat, X, Y, X_TEST, Y_TEST, [count])[0]
    assert not point.reliable
    record = point.record()
    assert record["n_features"] == count
    assert record["norm"] is record["test_error"] is record["train_loss"] is None
    assert "condition" in record["reason"]
    json.dumps(record, allow_nan=False)


def _exactly(Z, y):
    """The solution of Z c = y in rational numbers, by Gauss and Jordan."""
    rows = [[Fraction(value) for value in (*row, target)] for row, target in zip(Z.tolist(), y.tolist(), strict=True)]
    for i in range(len(rows)):
        pivot = next(k for k in range(i, len(rows)) if rows[k][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(len(rows)):
            if k != i:
                factor = rows[k][i]
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i], strict=True)]
    return np.array([float(row[-1]) for row in rows])


def test_at_the_peak_an_exact_fit_is_reliable_where_an_inexact_one_is_not():
    """There the condition number enters once, and below the peak its square."""
    features = RandomFourierFeatures("gaussian", 5e3, random_state=0)
    peak, below = (ridgeless_path(features, X[:n], Y[:n, :1], X_TEST, Y_TEST[:, :1], [8])[0] for n in (8, 12))
    assert peak.condition**2 * np.finfo(float).eps > 1
    assert peak.reliable
    assert not below.reliable
    made = features.set_params(n_features=8).fit(X[:8])
    Z, Z_test = made.transform(X[:8]), made.transform(X_TEST)
    coefficients = _exactly(Z, Y[:8, 0])
    assert abs(peak.norm / np.linalg.norm(coefficients) - 1) <= peak.rounding
    test_loss = ((Z_test @ coefficients - Y_TEST[:, 0]) ** 2).mean()
    assert peak.test_loss == pytest.approx(test_loss, rel=30 * peak.rounding)


def test_a_reliable_point_is_recorded_whole():
    seen = []
    point = ridgeless_path(MAPS[0], X, Y, X_TEST, Y_TEST, [20, 60], seen.append)[1]
    assert seen[1] is point
    assert point.record() == {**asdict(point), "reason": None}


def test_equal_points_with_different_labels_are_flagged():
    x = np.concatenate([X, X[:1]])
    point = ridgeless_path(MAPS[0], x, np.concatenate([Y, 1 - Y[:1]]), X_TEST, Y_TEST, [200])[0]
    assert not point.reliable
    assert not point.residual < 0.1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"counts": []}, "counts"),
        ({"counts": [0, 5]}, "counts"),
        ({"X": X[:-1]}, "inconsistent numbers"),
        ({"X_test": X_TEST[:, 1:]}, "Training points have 6 features"),
        ({"y_test": Y_TEST[:, :2]}, "3 outputs"),
        ({"X_test": np.full((25, D), np.nan)}, "NaN"),
    ],
)
def test_bad_input_is_told(change, told):
    arguments = {"X": X, "y": Y, "X_test": X_TEST, "y_test": Y_TEST, "counts": [10], **change}
    with pytest.raises(InputError, match=told):
        ridgeless_path(MAPS[0], **arguments)


def test_both_factors_beyond_the_threshold_agree(monkeypatch):
    """Cholesky's factor of Z Z^T where Z is well conditioned, QR updates of Z^T where it is not."""
    grid = [41, 45, 60, 200, 1000]
    chosen = ridgeless_path(MAPS[0], X, Y, X_TEST, Y_TEST, grid)
    assert chosen[0].condition > 1e3
    for limit, solver in ((0.0, "qr"), (1e9, "cholesky")):
        monkeypatch.setattr("gengap.interpolate.double_descent.ridgeless.SQUARED_CONDITION", limit)
        for point, other in zip(chosen, ridgeless_path(MAPS[0], X, Y, X_TEST, Y_TEST, grid), strict=True):
            assert other.solver == solver
            assert other.norm == pytest.approx(point.norm, rel=1e-7)
            assert other.test_loss == pytest.approx(point.test_loss, rel=1e-7)


def test_ill_conditioned_features_are_not_squared():
    """Cholesky's factor of Z Z^T would give this norm to 1e-5 only."""
    line, line_test = X[:, :1], X_TEST[:, :1]  # where smooth features are nearly dependent
    smooth = RandomFourierFeatures("gaussian", 0.05, 60, random_state=0)
    point = ridgeless_path(smooth, line, Y, line_test, Y_TEST, [60])[0]
    coefficients = np.linalg.lstsq(smooth.fit_transform(line), Y, rcond=None)[0]
    assert 1e6 < point.condition < 1e7
    assert point.norm == pytest.approx(np.linalg.norm(coefficients), rel=1e-9)


@pytest.mark.parametrize(("m", "counts"), [(300, [1200]), (300, [500]), (900, [300, 605, 1200]), (20, [10])])
def test_memory_is_told_beforehand(m, counts, monkeypatch):
    x, x_test = RNG.standard_normal((600, 10)), RNG.standard_normal((m, 10))
    y, y_test = np.eye(10)[RNG.integers(0, 10, 600)], np.eye(10)[RNG.integers(0, 10, m)]
    needed = bytes_needed(600, m, counts)
    tracemalloc.start()
    ridgeless_path(MAPS[0], x, y, x_test, y_test, counts)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    outputs = 8 * 20 * 8 * (600 + m)  # what does not grow with n m or n^2
    assert used - outputs < needed < 2 * used
    monkeypatch.setattr("gengap.interpolate.memory.available_bytes", lambda device: needed - 1)
    with pytest.raises(InputError, match=f"need {needed:,} bytes, and {needed - 1:,}") as error:
        ridgeless_path(MAPS[0], x, y, x_test, y_test, counts)
    assert "pcg" in error.value.next_step
