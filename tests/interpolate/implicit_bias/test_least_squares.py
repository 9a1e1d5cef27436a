"""Which interpolating solution SGD converges to."""

import numpy as np
import pytest
import torch

from gengap.interpolate.implicit_bias import (
    kernel_sgd,
    loss_hessian,
    nearest_interpolator,
    null_space_part,
    sgd,
)

RNG = np.random.default_rng(0)

X, Y, START = RNG.standard_normal((12, 30)), RNG.standard_normal(12), RNG.standard_normal(30)


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
