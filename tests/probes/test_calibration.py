"""The expected calibration error against a plain loop, and its bias against the exact one of a single bin."""

import numpy as np
import pytest
from scipy.stats import binom

from gengap.errors import InputError
from gengap.probes import calibration


def ece_twin(p, right, bins):
    total = 0.0
    for b in range(bins):
        here = (p > b / bins) & (p <= (b + 1) / bins) if b else p <= 1 / bins
        if here.any():
            total += here.mean() * abs(right[here].mean() - p[here].mean())
    return total


def test_the_error_is_that_of_the_formula():
    random = np.random.default_rng(0)
    p = random.random(500)
    right = random.random(500) < p**2
    for bins in (1, 7, 15):
        assert calibration(p, right, bins=bins).ece == pytest.approx(ece_twin(p, right, bins), abs=1e-12)


def test_the_bias_is_that_of_a_binomial_in_one_bin():
    """All confidences 0.7 on 40 examples: E |hits / 40 - 0.7| by summation; 1,000 draws have an error below 0.003."""
    n, p = 40, 0.7
    exact = sum(binom.pmf(k, n, p) * abs(k / n - p) for k in range(n + 1))
    found = calibration(np.full(n, p), np.arange(n) < 28)
    assert found.ece == pytest.approx(0.0)
    assert found.if_calibrated == pytest.approx(exact, abs=0.006)
    assert found.excess < 0


def test_a_calibrated_classifier_is_not_called_miscalibrated_and_an_overconfident_one_is():
    random = np.random.default_rng(1)
    p = 0.5 + 0.5 * random.random(3_000)
    calibrated = calibration(p, random.random(3_000) < p)
    overconfident = calibration(p, random.random(3_000) < p - 0.15)
    assert calibrated.p_value > 0.01
    assert overconfident.p_value < 0.01
    assert overconfident.excess == pytest.approx(0.15, abs=0.03)
    assert overconfident.confidence > overconfident.accuracy


def test_bins_hold_all_examples_with_the_ends_inside():
    found = calibration([0.0, 1.0, 0.5, 1 / 15], [True, False, True, True])
    assert sum(b.n for b in found.bins) == 4
    assert [b.low for b in found.bins] == sorted(b.low for b in found.bins)
    assert found.bins[0].n == 2  # 0 and 1/15 lie in the first bin


@pytest.mark.parametrize(("p", "right"), [([], []), ([0.5], [True, False]), ([1.5], [True]), ([float("nan")], [True])])
def test_what_is_no_confidence_is_refused(p, right):
    with pytest.raises(InputError):
        calibration(p, right)
