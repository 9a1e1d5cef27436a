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


@pytest.mark.parametrize("N", [30, 200])
def test_equal_points_with_different_labels_are_met_halfway(N):
    """No function has both labels: the shortest of the least-squares solutions, as NumPy finds it."""
    x, y = np.concatenate([X, X[:1]]), np.concatenate([Y, 1 - Y[:1]])
    point = ridgeless_path(MAPS[0], x, y, X_TEST, Y_TEST, [N])[0]
    Z, Z_test = (MAPS[0].set_params(n_features=N).fit(X).transform(points) for points in (x, X_TEST))
    coefficients = np.linalg.lstsq(Z, y, rcond=1e-12)[0]
    assert point.norm == pytest.approx(np.linalg.norm(coefficients), rel=1e-9)
    assert point.test_loss == pytest.approx(((Z_test @ coefficients - Y_TEST) ** 2).sum(axis=1).mean(), rel=1e-9)
    assert point.residual >= 0.5 - 1e-9
    assert point.reliable


@pytest.mark.parametrize("N", [20, 45])
def test_features_that_depend_on_each_other_leave_the_problem_well_posed(N):
    """ReLUs of points in a narrow cone are 0 at all of them, or linear: the rank is below min(n, N)."""
    x, x_test = (2.0 + 0.3 * part for part in (X, X_TEST))
    features = RandomFourierFeatures("relu", n_features=N, random_state=1)
    Z, Z_test = features.fit(x).transform(x), features.transform(x_test)
    assert (Z == 0).all(axis=0).any()
    point = ridgeless_path(features, x, Y, x_test, Y_TEST, [N])[0]
    assert (point.reliable, point.solver) == (True, "svd")
    assert point.rank == np.linalg.matrix_rank(Z) < min(N, N_TRAIN + 1)
    coefficients = np.linalg.lstsq(Z, Y, rcond=1e-11)[0]
    assert point.norm == pytest.approx(np.linalg.norm(coefficients), rel=1e-6)
    assert point.test_loss == pytest.approx(((Z_test @ coefficients - Y_TEST) ** 2).sum(axis=1).mean(), rel=1e-6)


def test_singular_values_without_a_gap_are_not_cut():
    """Smooth features of a line: singular values fall through rounding, and no one can say which of them are 0."""
    smooth = RandomFourierFeatures("gaussian", 2.0, 60, random_state=0)
    for N in (30, 60):
        point = ridgeless_path(smooth, X[:, :1], Y, X_TEST[:, :1], Y_TEST, [N])[0]
        assert not point.reliable
        assert point.record()["norm"] is None


@pytest.mark.parametrize("features", MAPS)
@pytest.mark.parametrize("scale", [1e-200, 1e-100, 1e100, 1e200])
def test_the_solution_scales_with_the_values(features, scale):
    plain = ridgeless_path(features, X, Y, X_TEST, Y_TEST, [20, 60])
    for point, scaled in zip(
        plain, ridgeless_path(features, X, scale * Y, X_TEST, scale * Y_TEST, [20, 60]), strict=True
    ):
        assert scaled.reliable
        assert scaled.norm == pytest.approx(scale * point.norm, rel=1e-9)
        assert scaled.test_error == point.test_error
        if abs(np.log10(scale)) > 150:  # squares are beyond float64: no number, and a reason
            assert np.isnan(scaled.test_loss)
            assert scaled.record()["test_loss"] is None
            assert "beyond what float64 holds" in scaled.reason
        else:
            assert scaled.test_loss == pytest.approx(scale**2 * point.test_loss, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_the_solution_scales_with_relu_features(scale):
    plain, scaled = (
        ridgeless_path(MAPS[1], factor * X, Y, factor * X_TEST, Y_TEST, [20, 60]) for factor in (1.0, scale)
    )
    for point, other in zip(plain, scaled, strict=True):
        assert other.reliable
        assert other.norm == pytest.approx(point.norm / scale, rel=1e-9)
        assert other.test_loss == pytest.approx(point.test_loss, rel=1e-9)


def test_values_of_zero_have_the_solution_zero():
    for point in ridgeless_path(MAPS[0], X, 0 * Y, X_TEST, Y_TEST, [20, 60]):
        assert (point.norm, point.train_loss, point.reliable) == (0, 0, True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"counts": []}, "counts"),
        ({"counts": [0, 5]}, "counts"),
        ({"counts": [2.5]}, "counts holds 2.5"),
        ({"counts": "12"}, "counts = '12'"),
        ({"features": "relu"}, "features = 'relu'"),
        ({"features": RandomFourierFeatures(bandwidth="1")}, "bandwidth = '1'"),
        ({"features": RandomFourierFeatures(bandwidth=1e-15)}, "projections reach"),
        ({"y": np.full((40, 3), "a")}, "a"),
        ({"X": X[:-1]}, "inconsistent numbers"),
        ({"X_test": X_TEST[:, 1:]}, "Training points have 6 features"),
        ({"y_test": Y_TEST[:, :2]}, "3 outputs"),
        ({"X_test": np.full((25, D), np.nan)}, "NaN"),
    ],
)
def test_bad_input_is_told(change, told):
    arguments = {"features": MAPS[0], "X": X, "y": Y, "X_test": X_TEST, "y_test": Y_TEST, "counts": [10], **change}
    with pytest.raises(InputError, match=told):
        ridgeless_path(**arguments)


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
