"""Which solution training finds, and how little its norm need say."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize
from sklearn.datasets import load_breast_cancer
from sklearn.svm import SVC

from gengap.errors import InputError
from gengap.interpolate.implicit_bias import (
    far_solutions,
    hard_margin,
    kernel_sgd,
    logistic_direction,
    loss_hessian,
    memorising_weights,
    nearest_interpolator,
    null_space_part,
    sgd,
)

RNG = np.random.default_rng(0)
X, Y, START = RNG.standard_normal((12, 30)), RNG.standard_normal(12), RNG.standard_normal(30)
SIGNS = np.sign(Y)


def test_sgd_from_zero_finds_the_least_norm():
    found = sgd(X, Y)
    assert found.converged
    assert found.residual <= 1e-8 * np.abs(Y).max()
    np.testing.assert_allclose(found.weights, X.T @ np.linalg.solve(X @ X.T, Y), atol=1e-7)
    assert np.linalg.norm(null_space_part(X, found.weights)) < 1e-12  # it never left the span


def test_sgd_keeps_the_null_space_part_of_its_start():
    found = sgd(X, Y, START, seed=1)
    assert found.converged
    np.testing.assert_allclose(null_space_part(X, found.weights), null_space_part(X, START), atol=1e-12)
    np.testing.assert_allclose(found.weights, START + np.linalg.pinv(X) @ (Y - X @ START), atol=1e-7)
    np.testing.assert_allclose(found.weights, nearest_interpolator(X, Y, START), atol=1e-7)
    assert np.linalg.norm(found.weights) > np.linalg.norm(nearest_interpolator(X, Y))


def test_one_point_by_hand():
    """w = w_0 + x (y - <w_0, x>) / ||x||^2 after a single step of the default size."""
    found = sgd([[3.0, 4.0]], [50.0], [1.0, -7.0], epochs=1)
    np.testing.assert_allclose(found.weights, [1 + 3 * 3, -7 + 3 * 4])
    assert (found.epochs, found.converged) == (1, True)


def test_several_outputs_are_trained_at_once():
    y = np.column_stack([Y, -2 * Y, np.zeros(12)])
    together = sgd(X, y, epochs=20, tolerance=0).weights
    for k in range(3):
        np.testing.assert_allclose(together[:, k], sgd(X, y[:, k], epochs=20, tolerance=0).weights, atol=1e-12)


def test_what_has_no_solution_is_not_called_converged():
    found = sgd(np.concatenate([X, X[:1]]), np.append(Y, Y[0] + 1), epochs=50)
    assert not found.converged
    assert found.residual > 0.3
    diverged = sgd(X, Y, rate=1.0, epochs=1000)
    assert not diverged.converged
    assert not np.isfinite(diverged.residual)


def test_kernel_sgd_finds_the_kernel_machine():
    kernel = np.exp(-((X[:, None] - X) ** 2).sum(axis=2) / 40)
    found = kernel_sgd(kernel, Y)
    assert found.converged
    np.testing.assert_allclose(found.weights, np.linalg.solve(kernel, Y), atol=1e-6)
    begin = RNG.standard_normal(12)
    np.testing.assert_allclose(kernel_sgd(kernel, Y, begin).weights, np.linalg.solve(kernel, Y - begin), atol=1e-6)


def test_kernel_sgd_of_the_linear_kernel_is_sgd():
    steps = {"rate": 0.01, "epochs": 30, "tolerance": 0, "seed": 5}
    np.testing.assert_allclose(X.T @ kernel_sgd(X @ X.T, Y, **steps).weights, sgd(X, Y, **steps).weights, atol=1e-12)


def log_cosh_curvature(f, y):
    return 1 / np.cosh(f - y) ** 2


def test_hessian_is_the_same_at_every_interpolating_solution():
    near, far = nearest_interpolator(X, Y), nearest_interpolator(X, Y, 100 * START)
    assert np.linalg.norm(far - near) > 100
    same = loss_hessian(X, Y, near, log_cosh_curvature)
    np.testing.assert_allclose(loss_hessian(X, Y, far, log_cosh_curvature), same, atol=1e-10)
    np.testing.assert_allclose(same, X.T @ X / 12, atol=1e-10)
    assert np.abs(loss_hessian(X, Y, START, log_cosh_curvature) - same).max() > 0.1  # elsewhere it differs


def test_hessian_is_torchs():
    x, y = torch.tensor(X), torch.tensor(Y)
    truth = torch.func.hessian(lambda w: torch.log(torch.cosh(x @ w - y)).mean())(torch.tensor(START))
    np.testing.assert_allclose(loss_hessian(X, Y, START, log_cosh_curvature), truth.numpy(), atol=1e-12)


def test_hard_margin_by_hand():
    found = hard_margin([[0.5, 1.5], [1.5, 0.5], [-3.0, -1.0]], [1, 1, -1])
    np.testing.assert_allclose(found.weights, [0.5, 0.5])
    assert found.margin == pytest.approx(np.sqrt(2))
    np.testing.assert_allclose(found.multipliers, [1 / 4, 1 / 4, 0], atol=1e-12)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_hard_margin_is_optimal(scale):
    found = hard_margin(scale * X, SIGNS)
    signed = scale * X * SIGNS[:, None]
    assert found.gap < 1e-10
    assert found.violation < 1e-10
    assert (found.multipliers >= 0).all()
    np.testing.assert_allclose(signed.T @ found.multipliers, found.weights, atol=1e-12 / scale)
    tight = signed @ found.weights < 1 + 1e-9
    assert (found.multipliers[~tight] == 0).all()
    unscaled = signed / scale
    constraint = {"type": "ineq", "fun": lambda w: unscaled @ w - 1}
    start = np.linalg.pinv(unscaled) @ np.full(12, 2.0)
    truth = minimize(lambda w: w @ w, start, constraints=constraint, method="SLSQP", options={"ftol": 1e-12})
    np.testing.assert_allclose(found.weights * scale, truth.x, atol=1e-4)


def test_hard_margin_is_the_limit_of_soft_margins():
    """scikit-learn's machine has an intercept, so both get points and their mirror images, which make it 0."""
    x, y = np.concatenate([X, -X]), np.concatenate([SIGNS, -SIGNS])
    truth = SVC(C=1e8, kernel="linear", tol=1e-8).fit(x, y)
    np.testing.assert_allclose(hard_margin(x, y).weights, truth.coef_[0], atol=1e-6)


@pytest.mark.parametrize("far", [1e5, 1e7, 1e12])
def test_a_point_far_away_does_not_hide_the_margin_of_the_others(far):
    found = hard_margin([[far, 0], [1, 1], [1, -1]], [1, 1, 1])
    assert found.margin == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(found.weights, [1, 0], atol=1e-6)
    assert type(found.margin) is float


def test_separable_points_are_never_said_to_be_inseparable():
    """Unscaled columns, with a margin of 1e-8 of the longest point; and worse ones, where float64 does not tell it."""
    data = load_breast_cancer()
    sizes, signs = data.data.std(axis=0), np.where(data.target, 1, -1)
    one = np.ones((len(signs), 1))
    scaled = hard_margin(np.hstack([(data.data - data.data.mean(axis=0)) / sizes, one]), signs)
    assert scaled.violation < 1e-6
    raw = np.hstack([data.data, one])
    found = hard_margin(raw, signs)
    assert max(found.gap, found.violation) < 1e-6
    off = (raw * signs[:, None]).T @ found.multipliers - found.weights
    assert np.linalg.norm(off) < 1e-7 * np.linalg.norm(found.weights)
    with pytest.raises(InputError, match="separable, with a margin of at least"):
        hard_margin(raw * np.logspace(0, 9, 31), signs)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_points_that_no_plane_separates_are_told_at_every_scale(scale):
    points = RNG.standard_normal((60, 3)) * [scale, 1, 1]
    with pytest.raises(InputError, match="No plane"):
        hard_margin(np.concatenate([points, points]), np.repeat([1, -1], 60))
    with pytest.raises(InputError, match="No plane"):
        hard_margin(points, np.sign(RNG.standard_normal(60)))
    with pytest.raises(InputError, match="No plane"):
        hard_margin([[scale, 0.0], [0.0, 0.0]], [1, -1])


def separable():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((10, 20))
    return x, np.sign(rng.standard_normal(10))


def test_gradient_descent_tends_to_the_hard_margin_at_rate_one_over_log_t():
    points = logistic_direction(*separable(), [300, 1000, 3000, 10_000])
    slow = np.log(np.log([point.step for point in points]))
    for off in ("distance", "margin_gap"):
        slope = np.polyfit(slow, np.log([getattr(point, off) for point in points]), 1)[0]
        assert slope == pytest.approx(-1, abs=0.15)  # ~ 1 / log t
    assert np.all(np.diff([point.distance for point in points]) < 0)
    growth = np.diff([point.norm for point in points]) / np.diff(np.log([point.step for point in points]))
    np.testing.assert_allclose(growth, 1 / hard_margin(*separable()).margin, rtol=0.05)  # w(t) = v log t + bounded
    losses = np.array([point.loss * point.step for point in points])
    assert losses.max() / losses.min() < 1.05  # loss ~ 1 / t


def test_adam_tends_to_another_direction():
    x, y = separable()
    adam = logistic_direction(x, y, [3000, 15_000], optimiser="adam")
    descent = logistic_direction(x, y, [3000])
    assert adam[1].loss < descent[0].loss / 10  # it fits the data better,
    assert adam[1].distance > 3 * descent[0].distance  # from another direction,
    assert adam[1].distance > 0.9 * adam[0].distance  # where it stays
    signed = x * y[:, None]
    largest = linprog(
        np.r_[np.zeros(20), -1], np.c_[-signed, np.ones(10)], np.zeros(10), bounds=[(-1, 1)] * 20 + [(None, None)]
    ).x[:20]
    hard = hard_margin(x, y)
    away = np.linalg.norm(largest / np.linalg.norm(largest) - hard.weights * hard.margin)
    assert away > 0.3  # the largest margin in the maximum norm, to which Adam is nearer, is another one


@pytest.mark.parametrize("optimiser", ["gd", "adam"])
def test_steps_are_torchs(optimiser):
    x, y = separable()
    weights = torch.nn.Parameter(torch.tensor(np.full(20, 0.1)))
    make = {"gd": torch.optim.SGD, "adam": torch.optim.Adam}[optimiser]
    steps, signed = make([weights], lr=0.05), torch.tensor(x * y[:, None])
    for _ in range(25):
        steps.zero_grad()
        loss = torch.nn.functional.softplus(-(signed @ weights)).mean()
        loss.backward()
        steps.step()
    (found,) = logistic_direction(x, y, [25], optimiser=optimiser, rate=0.05, start=np.full(20, 0.1))
    assert found.norm == pytest.approx(weights.norm().item(), rel=1e-9)
    unit, hard = (weights / weights.norm()).detach().numpy(), hard_margin(x, y)
    assert found.distance == pytest.approx(np.linalg.norm(unit - hard.weights * hard.margin), rel=1e-9)
    assert found.angle_loss == pytest.approx(1 - unit @ hard.weights * hard.margin, rel=1e-9)
    assert found.loss == pytest.approx(np.log1p(np.exp(-(signed.numpy() @ weights.detach().numpy()))).mean(), rel=1e-9)


FEATURES, FEATURES_TEST = RNG.standard_normal((20, 60)), RNG.standard_normal((15, 60))


def test_theorem_1_linear_models_memorise_anything():
    for targets in (RNG.standard_normal((20, 3)), np.eye(3)[RNG.integers(0, 3, 20)]):
        np.testing.assert_allclose(FEATURES @ memorising_weights(FEATURES, targets), targets, atol=1e-10)


@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 0.0), (0.5, 0.01), (1e-3, 10.0)])
@pytest.mark.parametrize("distance", [0.0, 1.0, 1e3, 1e6])
def test_theorem_1_any_norm_and_the_same_predictions(distance, epsilon, delta):
    star = RNG.standard_normal((60, 3))
    (found,) = far_solutions(FEATURES, FEATURES_TEST, star, [distance], epsilon=epsilon, delta=delta)
    train, test = (np.linalg.norm(each @ (found.weights - star)) for each in (FEATURES, FEATURES_TEST))
    assert found.holds
    assert train <= epsilon + 1e-12 * (1 + distance)
    assert test <= delta + 1e-12 * (1 + distance)
    if epsilon:
        assert max(train / epsilon, test / delta) == pytest.approx(1, abs=1e-5)  # it is used up
    assert found.distance >= distance * (1 - 1e-12)
    assert found.norm >= distance - np.linalg.norm(star) - epsilon - delta
    assert found.rank == 35


def test_corollary_2_fewer_features_than_examples():
    """Two features that are always 0: weights on them can be anything."""
    x = np.c_[RNG.standard_normal((50, 4)), np.zeros((50, 2))]
    (found,) = far_solutions(x[:40], x[40:], np.ones((6, 1)), [1e4])
    assert found.rank == 4
    assert found.norm > 9990
    np.testing.assert_allclose(x @ found.weights, x @ np.ones((6, 1)), atol=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1e160, 1e200])
def test_sgd_does_not_depend_on_the_unit_of_the_points(scale):
    plain, found = sgd(X, Y, START), sgd(scale * X, Y, START / scale)
    assert found.converged
    np.testing.assert_allclose(scale * found.weights, plain.weights, rtol=1e-6)
    np.testing.assert_allclose(scale * nearest_interpolator(scale * X, Y), nearest_interpolator(X, Y), rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_a_given_rate_is_in_the_units_of_the_points(scale):
    plain = sgd(X, Y, rate=0.01, epochs=3)
    found = sgd(scale * X, Y, rate=0.01 / scale / scale, epochs=3)
    np.testing.assert_allclose(scale * found.weights, plain.weights, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_sgd_scales_with_the_values(scale):
    for solve in (lambda y: sgd(X, y), lambda y: kernel_sgd(X @ X.T, y)):
        plain, found = solve(Y), solve(scale * Y)
        assert found.converged
        assert found.residual == pytest.approx(scale * plain.residual, rel=1e-3)
        np.testing.assert_allclose(found.weights, scale * plain.weights, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_kernel_sgd_does_not_depend_on_the_unit_of_the_kernel(scale):
    plain, found = (kernel_sgd(factor * (X @ X.T), Y) for factor in (1.0, scale))
    assert found.converged
    np.testing.assert_allclose(scale * found.weights, plain.weights, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-200, 1e-140, 1e140, 1e200])
def test_the_hard_margin_scales_with_the_points(scale):
    plain, found = hard_margin(X, SIGNS), hard_margin(scale * X, SIGNS)
    assert found.margin == pytest.approx(scale * plain.margin, rel=1e-9)
    np.testing.assert_allclose(scale * found.weights, plain.weights, rtol=1e-9)
    assert (found.gap, found.violation) == pytest.approx((plain.gap, plain.violation), abs=1e-9)
    if 1e-150 < scale < 1e150:
        np.testing.assert_allclose(scale * found.multipliers * scale, plain.multipliers, rtol=1e-9, atol=1e-12)
    else:
        assert np.isnan(found.multipliers).all()  # they are beyond float64


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_far_solutions_of_features_at_any_scale(scale):
    near, far = far_solutions(scale * X, scale * X[:5], np.ones((30, 1)), [0.0, 1e3])
    assert near.holds
    assert far.holds
    assert far.distance == pytest.approx(1e3, rel=1e-9)
    assert np.isfinite([far.norm, far.train_off, far.rounding]).all()


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
