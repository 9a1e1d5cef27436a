"""Gradient descent on factors: gradients, limits, scales."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_what_has_not_converged_says_so():
    known = gaussian_measurements((6, 6), 20)
    made = deep_descent(known, known(low_rank((6, 6), 1)), steps=3)
    assert (made.steps, made.converged) == (3, False)
    assert made.residual > 0.1
    assert not minimum_nuclear_norm(known, known(low_rank((6, 6), 3)), steps=2).converged
