"""The quantile that one number is computed with: exact tails with 40 digits, SciPy, cases known by hand, laws."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaincc, betainccinv

from gengap.bounds import clopper_pearson_interval
from gengap.bounds.binomial_tail import complement_at_tail, probability_at_tail

PROMISED = 8e-13  # relative, as its docstring says


def error(k: int, n: int, level: float) -> float:
    """How far p is from the root, relative: the tail's distance from the level, with 40 digits, over its slope."""
    found = probability_at_tail(k, n, level)
    with mpmath.workdps(40):
        p = mpmath.mpf(found)
        last = mpmath.binomial(n, k) * p**k * (1 - p) ** (n - k)
        tail = term = last
        for i in range(k, 0, -1):
            term *= i * (1 - p) / ((n - i + 1) * p)
            tail += term
            if term < tail * mpmath.mpf(10) ** -30:
                break
        return abs(float((tail - mpmath.mpf(level)) * (1 - p) / ((n - k) * last * p)))


@pytest.mark.parametrize(
    ("k", "n", "level"),
    [
        *((k, n, level) for k in (0, 1, 30) for n in (31, 10_000, 10**9) for level in (1e-300, 0.05, 0.5, 0.999)),
        *((n // 2, n, level) for n in (10, 1_000, 10**6) for level in (1e-300, 1e-9, 0.05, 0.4999, 0.5, 0.7, 1 - 1e-9)),
        *((n - 1, n, level) for n in (1, 2, 50, 10_000) for level in (0.05, 0.5, 0.95)),
        (5 * 10**8, 10**9, 0.05),
        (5 * 10**8, 10**9, 1e-300),
        (10**9 - 1, 10**9, 0.999),
        (999, 318_439_749, 8.8e-10),  # where SciPy 1.17 is wrong
    ],
)
def test_the_exact_tail_is_the_level(k: int, n: int, level: float) -> None:
    if probability_at_tail(k, n, level) < 1:
        assert error(k, n, level) <= PROMISED


@settings(deadline=None)
@given(st.integers(0, 3_000), st.integers(1, 10**9 - 3_000), st.floats(-300, -1e-3))
def test_the_exact_tail_is_the_level_wherever(k: int, more: int, exponent: float) -> None:
    if probability_at_tail(k, k + more, 10**exponent) < 1:
        assert error(k, k + more, 10**exponent) <= PROMISED


def test_where_scipy_says_otherwise_its_tail_is_farther_from_the_level() -> None:
    rng = np.random.default_rng(0)
    n = np.exp(rng.uniform(0, math.log(10**9), 5_000)).astype(int) + 1
    k = np.minimum((rng.random(5_000) ** 4 * n).astype(int), n - 1)
    level = np.where(rng.random(5_000) < 0.5, 10 ** rng.uniform(-300, 0, 5_000), rng.uniform(1e-9, 0.5, 5_000))
    ours = np.array([probability_at_tail(*one) for one in zip(k.tolist(), n.tolist(), level.tolist(), strict=True)])
    theirs = betainccinv(k + 1.0, n - k + 0.0, level)
    off, their_off = (np.abs(betaincc(k + 1.0, n - k + 0.0, p) / level - 1) for p in (ours, theirs))
    apart = ~(np.abs(ours / theirs - 1) <= PROMISED)
    assert apart.mean() < 0.1
    assert not np.any(their_off[apart] < off[apart])


@pytest.mark.parametrize("n", [1, 2, 100, 10**9])
@pytest.mark.parametrize("level", [1e-300, 1e-9, 0.05, 0.5, 0.95, 1 - 2**-53])
def test_no_success_and_all_but_one_are_known_by_hand(n: int, level: float) -> None:
    with mpmath.workdps(40):
        none = 1 - mpmath.mpf(level) ** (mpmath.mpf(1) / n)  # (1 - p)^n is the level
        all_but_one = (1 - mpmath.mpf(level)) ** (mpmath.mpf(1) / n)  # 1 - p^n is
    assert probability_at_tail(0, n, level) == pytest.approx(float(none), rel=PROMISED)
    assert probability_at_tail(n - 1, n, level) == pytest.approx(float(all_but_one), rel=PROMISED)


@settings(deadline=None)
@given(st.integers(1, 10**6), st.floats(0, 1), st.integers(1, 2**20 - 1))
def test_failures_are_the_other_tail(n: int, share: float, part: int) -> None:
    k, level = min(int(share * n), n - 1), part / 2**20  # whose complement is exact
    other = 1 - probability_at_tail(n - k - 1, n, 1 - level)
    assert probability_at_tail(k, n, level) == pytest.approx(other, rel=1e-12, abs=1e-15)  # abs: rounding of 1 - p


@settings(deadline=None)
@given(st.integers(1, 10**6), st.floats(0, 1), st.integers(1, 2**20 - 1))
def test_the_complement_is_what_is_left(n: int, share: float, part: int) -> None:
    k, level = min(int(share * n), n - 1), part / 2**20
    left = 1 - probability_at_tail(k, n, level)
    assert complement_at_tail(k, n, level) == pytest.approx(left, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("n", [10, 10**6, 10**9])
def test_the_lower_end_of_an_interval_keeps_its_digits_near_zero(n: int) -> None:
    with mpmath.workdps(40):
        exact = 1 - (1 - mpmath.mpf(0.05) / 2) ** (mpmath.mpf(1) / n)  # one hit: 1 - (1 - p)^n is delta / 2
    low, _ = clopper_pearson_interval(1, n)
    assert low == pytest.approx(float(exact), rel=3e-12)
    assert low <= exact
