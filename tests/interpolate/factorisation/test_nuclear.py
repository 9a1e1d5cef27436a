"""The least nuclear norm and its certificate."""

import numpy as np
import pytest

from gengap.interpolate.factorisation import (
    deep_descent,
    entry_measurements,
    gaussian_measurements,
    low_rank,
    minimum_nuclear_norm,
    nuclear_norm,
    rank_constrained,
    recovery_error,
)

MAKERS = [gaussian_measurements, entry_measurements]


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
