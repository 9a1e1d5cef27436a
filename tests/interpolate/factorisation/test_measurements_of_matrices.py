"""Linear measurements, matrices of low rank, and measures of rank and recovery."""

import numpy as np
import pytest

from gengap.interpolate.factorisation import (
    effective_rank,
    entry_measurements,
    gaussian_measurements,
    low_rank,
    nuclear_norm,
    recovery_error,
)

RNG = np.random.default_rng(0)

MAKERS = [gaussian_measurements, entry_measurements]


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("make", MAKERS)
def test_measurements_are_linear_and_have_their_adjoint(make, symmetric):
    shape = (5, 5) if symmetric else (4, 6)
    found = make(shape, 9, symmetric=symmetric, seed=1)
    X, values = RNG.standard_normal(shape), RNG.standard_normal(9)
    X = (X + X.T) / 2 if symmetric else X
    matrices = np.stack([found.adjoint(row) for row in np.eye(9)])
    np.testing.assert_allclose(found(X), (matrices * X).sum(axis=(1, 2)), atol=1e-12)
    assert found(X) @ values == pytest.approx((X * found.adjoint(values)).sum())
    if symmetric:
        np.testing.assert_allclose(matrices, matrices.transpose(0, 2, 1))
    np.testing.assert_allclose(found(found.adjoint(found.combination(values))), values, atol=1e-12)
    near = found.nearest(X, values)
    np.testing.assert_allclose(found(near), values, atol=1e-12)
    moved = near - X  # the shortest way lies in the span of the A_i
    np.testing.assert_allclose(moved, found.adjoint(found.combination(found(moved))), atol=1e-12)


def test_entries_by_hand():
    found = entry_measurements((2, 2), 3, symmetric=True)
    np.testing.assert_allclose(found(np.array([[1.0, 2.0], [2.0, 5.0]])), [1, 2 * np.sqrt(2), 5])
    X = np.arange(12.0).reshape(3, 4)
    assert set(entry_measurements((3, 4), 5, seed=2)(X)) <= set(X.ravel())


def test_gaussian_measurements_keep_norms_on_average():
    X = low_rank((6, 6), 2)
    sizes = [np.sum(gaussian_measurements((6, 6), 30, seed=seed)(X) ** 2) for seed in range(200)]
    assert np.mean(sizes) == pytest.approx(1, abs=4 * np.sqrt(2 / 30 / 200))


@pytest.mark.parametrize("psd", [False, True])
def test_low_rank_is(psd):
    X = low_rank((7, 7), 3, psd=psd)
    assert np.linalg.matrix_rank(X) == 3
    assert np.linalg.norm(X) == pytest.approx(1)
    assert (np.linalg.eigvalsh((X + X.T) / 2)[0] > -1e-12) == psd


def test_ranks_and_errors_by_hand():
    assert effective_rank(np.eye(4)) == pytest.approx(4)
    assert effective_rank(np.outer([1.0, 2], [3.0, 4])) == pytest.approx(1)
    assert effective_rank(np.diag([3.0, 1.0])) == pytest.approx(4 / 3**0.75)
    assert effective_rank(np.zeros((2, 2))) == 0
    assert nuclear_norm(np.diag([3.0, -4.0])) == pytest.approx(7)
    assert recovery_error(np.diag([1.0, 0]), np.diag([1.0, 2.0])) == pytest.approx(2 / np.sqrt(5))


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_ranks_and_errors_do_not_depend_on_the_unit(scale):
    X, truth = low_rank((4, 3), 2), low_rank((4, 3), 1)
    assert effective_rank(scale * X) == pytest.approx(effective_rank(X), rel=1e-12)
    assert nuclear_norm(scale * X) == pytest.approx(scale * nuclear_norm(X), rel=1e-12)
    assert recovery_error(scale * X, scale * truth) == pytest.approx(recovery_error(X, truth), rel=1e-12)
