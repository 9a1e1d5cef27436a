"""Low rank against low norm: descent on factors, the least nuclear norm with its proof, measurements."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gengap.errors import InputError
from gengap.interpolate.factorisation import (
    Measurements,
    deep_descent,
    effective_rank,
    entry_measurements,
    gaussian_measurements,
    low_rank,
    minimum_nuclear_norm,
    nuclear_norm,
    psd_descent,
    rank_constrained,
    recovery_error,
)
from gengap.interpolate.factorisation.descent import _chain, _chain_gradients, _square_gradient

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


@settings(max_examples=20, deadline=None)
@given(depth=st.integers(1, 4), seed=st.integers(0, 1000))
def test_gradients_are_torchs(depth, seed):
    rng = np.random.default_rng(seed)
    sizes = [4, *[5] * (depth - 1), 3]
    factors = [rng.standard_normal((sizes[j + 1], sizes[j])) for j in range(depth)]
    gradient = rng.standard_normal((3, 4))
    tensors = [torch.tensor(f, requires_grad=True) for f in factors]
    made = tensors[0]
    for tensor in tensors[1:]:
        made = tensor @ made
    (made * torch.tensor(gradient)).sum().backward()
    np.testing.assert_allclose(_chain(factors), made.detach().numpy())
    for ours, tensor in zip(_chain_gradients(factors, gradient), tensors, strict=True):
        np.testing.assert_allclose(ours, tensor.grad.numpy(), atol=1e-10)


def test_symmetric_gradient_is_torchs():
    U, G = RNG.standard_normal((4, 4)), RNG.standard_normal((4, 4))
    G = G + G.T
    tensor = torch.tensor(U, requires_grad=True)
    ((tensor @ tensor.T) * torch.tensor(G)).sum().backward()
    np.testing.assert_allclose(_square_gradient([U], G)[0], tensor.grad.numpy(), atol=1e-12)


def test_depth_1_finds_the_least_frobenius_norm():
    found, truth = gaussian_measurements((5, 6), 12), low_rank((5, 6), 2)
    made = deep_descent(found, found(truth), depth=1, scale=1e-8, tolerance=1e-8)
    np.testing.assert_allclose(made.matrix, found.nearest(np.zeros((5, 6)), found(truth)), atol=1e-6)
    assert made.converged


def test_all_entries_leave_nothing_open():
    truth = low_rank((5, 5), 2, psd=True)
    known = entry_measurements((5, 5), 15, symmetric=True)
    made = minimum_nuclear_norm(known, known(truth), psd=True)
    assert made.converged
    np.testing.assert_allclose(made.matrix, truth, atol=1e-12)
    assert recovery_error(rank_constrained(known, known(truth), 2, psd=True).matrix, truth) < 1e-3


@pytest.mark.parametrize("psd", [False, True])
def test_nuclear_norm_of_one_known_entry(psd):
    """<E_11, X> = 1: the least nuclear norm is 1, at E_11 itself."""
    known = entry_measurements((3, 3), 6 if psd else 9, symmetric=psd)
    known = type(known)(known.shape, known.rows[[0]], psd)
    made = minimum_nuclear_norm(known, np.array([1.0]), psd=psd, tolerance=1e-8)
    assert made.converged
    assert made.norm == pytest.approx(1, abs=1e-7)
    np.testing.assert_allclose(made.matrix, np.diag([1.0, 0, 0]), atol=1e-6)


@pytest.mark.parametrize("psd", [False, True])
@pytest.mark.parametrize("make", MAKERS)
def test_the_certificate_is_true(make, psd):
    """Every matrix with the measurements has at least ``lower``, and the solver's at most (1 + gap) as much."""
    truth = low_rank((12, 12), 2, psd=psd)
    known = make((12, 12), 45, symmetric=psd)
    y = known(truth)
    made = minimum_nuclear_norm(known, y, psd=psd, tolerance=1e-4)
    assert made.converged
    assert made.residual < 1e-12
    assert abs(made.gap) <= 1e-4
    assert made.norm * (1 - made.gap) == pytest.approx(made.lower)
    assert made.norm == pytest.approx(nuclear_norm(made.matrix))
    assert made.lower <= nuclear_norm(truth)
    others = [deep_descent(known, y, depth=2, seed=seed, tolerance=1e-6).matrix for seed in range(2)]
    rough = minimum_nuclear_norm(known, y, psd=psd, steps=7)
    assert rough.lower <= made.norm * (1 + 1e-4)
    if not psd:
        assert all(nuclear_norm(known.nearest(other, y)) >= made.lower for other in others)
        assert rough.norm >= made.lower
        assert nuclear_norm(known.nearest(np.zeros((12, 12)), y)) > made.norm


def test_small_starts_find_the_least_nuclear_norm_and_large_ones_do_not():
    truth = low_rank((12, 12), 1, psd=True)
    known = gaussian_measurements((12, 12), 40, symmetric=True)
    y = known(truth)
    least = minimum_nuclear_norm(known, y, psd=True)
    assert least.converged
    norms = []
    for scale in (1.0, 0.1, 1e-3):
        made = psd_descent(known, y, scale=scale, tolerance=1e-3)
        assert made.converged
        norms.append(nuclear_norm(made.matrix) / least.norm)
    assert norms[0] > 1.5 > norms[1] > 1.02 > norms[2]
    assert norms[2] == pytest.approx(1, abs=0.01)
    assert recovery_error(made.matrix, truth) < 0.01


def test_from_few_measurements_small_starts_find_low_rank_not_the_least_norm():
    """The step and the tolerance do not decide it: the limit of gradient flow itself is another."""
    truth = low_rank((20, 20), 2, psd=True, seed=3)
    known = gaussian_measurements((20, 20), 10, symmetric=True, seed=3)
    y = known(truth)
    least = minimum_nuclear_norm(known, y, psd=True)
    assert least.converged
    for change, tolerance in ((0.05, 1e-3), (0.01, 1e-6)):
        small, smallest = (
            psd_descent(known, y, scale=scale, change=change, tolerance=tolerance).matrix for scale in (1e-3, 1e-6)
        )
        assert nuclear_norm(small) / least.norm == pytest.approx(1.083, abs=0.01)
        assert nuclear_norm(smallest) / least.norm == pytest.approx(1.221, abs=0.01)
        assert effective_rank(smallest) < effective_rank(least.matrix) < effective_rank(small)


def test_depth_lowers_the_rank_below_the_least_nuclear_norms():
    truth = low_rank((12, 12), 1)
    known = entry_measurements((12, 12), 60, seed=3)
    y = known(truth)
    ranks = []
    for depth in (1, 2, 3):
        made = deep_descent(known, y, depth=depth, tolerance=1e-3)
        assert made.converged
        ranks.append(effective_rank(made.matrix))
    assert ranks[0] > ranks[1] > ranks[2]
    assert ranks[2] < effective_rank(minimum_nuclear_norm(known, y).matrix)


@pytest.mark.parametrize("psd", [False, True])
def test_the_rank_is_recovered_where_it_is_known(psd):
    truth = low_rank((10, 10), 2, psd=psd)
    known = gaussian_measurements((10, 10), 54, symmetric=psd)
    made = rank_constrained(known, known(truth), 2, psd=psd, tolerance=1e-8)
    assert made.converged
    assert np.linalg.matrix_rank(made.matrix, tol=1e-10) <= 2
    assert recovery_error(made.matrix, truth) < 1e-6


@pytest.mark.parametrize("scale", [1e-200, 1e-100, 1e150, 1e200])
@pytest.mark.parametrize("psd", [False, True])
def test_the_least_nuclear_norm_scales_with_the_values(scale, psd):
    known = gaussian_measurements((5, 5), 9, symmetric=True)
    y = known(low_rank((5, 5), 1, psd=True))
    plain, found = (minimum_nuclear_norm(known, factor * y, psd=psd) for factor in (1.0, scale))
    assert found.converged
    np.testing.assert_allclose(found.matrix, scale * plain.matrix, rtol=1e-9, atol=1e-9 * scale)
    assert (found.norm, found.lower) == pytest.approx((scale * plain.norm, scale * plain.lower), rel=1e-9)
    assert (found.gap, found.residual) == pytest.approx((plain.gap, plain.residual), abs=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_the_matrix_does_not_depend_on_the_unit_of_the_measurements(scale):
    known = gaussian_measurements((5, 5), 16)
    other, y = Measurements(known.shape, scale * known.rows), known(low_rank((5, 5), 1))
    for solve in (minimum_nuclear_norm, lambda m, v: rank_constrained(m, v, 1), deep_descent):
        plain, found = solve(known, y), solve(other, scale * y)
        assert found.converged
        np.testing.assert_allclose(found.matrix, plain.matrix, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("scale", [1e-200, 1e-50, 1e50, 1e150, 1e200])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_descent_scales_with_the_values_and_the_start(scale, depth):
    known = gaussian_measurements((4, 4), 6)
    y = known(low_rank((4, 4), 1))
    plain, found = (deep_descent(known, f * y, depth=depth, scale=f * 1e-3) for f in (1.0, scale))
    assert found.converged
    np.testing.assert_allclose(found.matrix, scale * plain.matrix, rtol=1e-6, atol=1e-6 * scale)


def test_descent_leaves_a_start_far_below_the_values():
    known = gaussian_measurements((4, 4), 6, symmetric=True)
    y = 1e150 * known(low_rank((4, 4), 1, psd=True))
    for found in (deep_descent(known, y), psd_descent(known, y)):
        assert found.converged
        assert np.linalg.norm(known(found.matrix) / 1e150 - y / 1e150) <= 1e-4 * np.linalg.norm(y / 1e150)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_ranks_and_errors_do_not_depend_on_the_unit(scale):
    X, truth = low_rank((4, 3), 2), low_rank((4, 3), 1)
    assert effective_rank(scale * X) == pytest.approx(effective_rank(X), rel=1e-12)
    assert nuclear_norm(scale * X) == pytest.approx(scale * nuclear_norm(X), rel=1e-12)
    assert recovery_error(scale * X, scale * truth) == pytest.approx(recovery_error(X, truth), rel=1e-12)


def test_what_has_not_converged_says_so():
    known = gaussian_measurements((6, 6), 20)
    made = deep_descent(known, known(low_rank((6, 6), 1)), steps=3)
    assert (made.steps, made.converged) == (3, False)
    assert made.residual > 0.1
    assert not minimum_nuclear_norm(known, known(low_rank((6, 6), 3)), steps=2).converged


KNOWN = entry_measurements((4, 4), 6)
VALUES = np.ones(6)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: entry_measurements((3, 3), 10), "count = 10"),
        (lambda: gaussian_measurements((3, 4), 2, symmetric=True), "Symmetric 3 x 4"),
        (lambda: low_rank((3, 3), 4), "rank = 4"),
        (lambda: deep_descent(KNOWN, np.ones(5)), "shape"),
        (lambda: deep_descent(KNOWN, np.zeros(6)), "not all 0"),
        (lambda: deep_descent(KNOWN, VALUES, depth=0), "depth = 0"),
        (lambda: deep_descent(KNOWN, VALUES, change=1.0), "change = 1"),
        (lambda: deep_descent(KNOWN, VALUES, steps=2.5), "steps = 2.5"),
        (lambda: deep_descent(KNOWN, VALUES, depth="2"), "depth = '2'"),
        (lambda: deep_descent(KNOWN, VALUES, scale=math.nan), "scale = nan"),
        (lambda: deep_descent(KNOWN, VALUES, seed=-1), "seed = -1"),
        (lambda: deep_descent(KNOWN, 1e-200 * VALUES), "a start of at most"),
        (lambda: gaussian_measurements((3, 3), 2.7), "count = 2.7"),
        (lambda: gaussian_measurements((3, 3, 3), 2), "shape = "),
        (lambda: Measurements((2, 2), np.ones((1, 3))), r"\[m, 4\]"),
        (lambda: Measurements((2, 2), np.array([[0.0, 1, 0, 0]]), symmetric=True), "not symmetric"),
        (lambda: effective_rank(np.array([[math.nan]])), "NaN"),
        (lambda: nuclear_norm([["1"]]), "no number"),
        (lambda: recovery_error(np.eye(2), np.zeros((2, 2))), "not 0"),
        (lambda: psd_descent(KNOWN, VALUES), "symmetric=True"),
        (lambda: rank_constrained(KNOWN, VALUES, 5), "rank = 5"),
        (lambda: minimum_nuclear_norm(KNOWN, np.full(6, np.nan)), "finite"),
        (lambda: minimum_nuclear_norm(KNOWN, VALUES, psd=True), "symmetric"),
        (lambda: minimum_nuclear_norm(KNOWN, VALUES, tolerance=0), "tolerance = 0"),
        (lambda: minimum_nuclear_norm(Measurements((2, 2), np.ones((2, 4))), np.ones(2)), "linearly dependent"),
        (lambda: minimum_nuclear_norm(Measurements((1, 2), np.array([[1, 0], [1, 5e-8]])), np.ones(2)), "dependent"),
    ],
)
def test_bad_input_is_told(call, told):
    with pytest.raises(InputError, match=told):
        call()
