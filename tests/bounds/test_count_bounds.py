"""The bounds from counts: twins in plain arithmetic, laws, cases known by hand, exact coverage."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gengap import bounds
from gengap.errors import InputError

BOUNDS = [
    bounds.kawaguchi2017_prop5,
    bounds.hoeffding,
    bounds.chernoff_kl,
    bounds.clopper_pearson,
    bounds.empirical_bernstein,
]
CASES = [(0, 1), (1, 1), (0, 50), (3, 50), (25, 50), (50, 50), (30, 10_000), (9_999, 10_000), (7, 10**9)]
LEVELS = [(1, 0.05), (300, 0.05), (10**6, 0.1), (1, 0.9)]


def by_halving(holds, low: float, high: float) -> float:
    """The last point of [low, high] where ``holds`` is true, given that it is from low up to there."""
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return high


def hoeffding_twin(k, n, m, d):
    return min(1.0, k / n + math.sqrt(math.log(m / d) / (2 * n)))


def kawaguchi_twin(k, n, m, d):
    return k / n + 2 * math.log(m / d) / (3 * n) + math.sqrt(2 * math.log(m / d) / n)


def bernstein_twin(k, n, m, d):
    if n == 1:
        return 1.0
    losses_variance = (k * (1 - k / n) ** 2 + (n - k) * (k / n) ** 2) / (n - 1)
    logarithm = math.log(2 * m / d)
    return min(1.0, k / n + math.sqrt(2 * losses_variance * logarithm / n) + 7 * logarithm / (3 * (n - 1)))


def kl_twin(k, n, m, d):
    q = k / n

    def kl(p):
        one = q * math.log(q / p) if q > 0 else 0.0
        return one + ((1 - q) * math.log((1 - q) / (1 - p)) if q < 1 else 0.0)

    return 1.0 if k == n else by_halving(lambda p: p < 1 and kl(p) <= math.log(m / d) / n, max(q, 1e-300), 1.0)


def clopper_pearson_twin(k, n, m, d):
    return 1.0 if k == n else float(stats.beta.isf(d / m, k + 1, n - k))


@pytest.mark.parametrize(("tried", "delta"), LEVELS)
@pytest.mark.parametrize(("k", "n"), CASES)
@pytest.mark.parametrize(
    ("bound", "twin", "tolerance"),
    [
        (bounds.hoeffding, hoeffding_twin, 1e-14),
        (bounds.kawaguchi2017_prop5, kawaguchi_twin, 1e-14),
        (bounds.empirical_bernstein, bernstein_twin, 1e-13),
        (bounds.chernoff_kl, kl_twin, 2e-6),  # the twin cancels at n = 1e9; elsewhere see the next test
        (bounds.clopper_pearson, clopper_pearson_twin, 1e-11),
    ],
)
def test_each_bound_equals_its_formula(bound, twin, tolerance, k, n, tried, delta) -> None:
    assert float(bound(k, n, tried, delta)) == pytest.approx(twin(k, n, tried, delta), rel=tolerance)


@pytest.mark.parametrize(("tried", "delta"), LEVELS)
@pytest.mark.parametrize(("k", "n"), [case for case in CASES if case[1] <= 10_000])
def test_chernoff_kl_is_the_root_rounded_up(k, n, tried, delta) -> None:
    found, twin = float(bounds.chernoff_kl(k, n, tried, delta)), kl_twin(k, n, tried, delta)
    assert twin * (1 - 1e-15) <= found <= twin + 1e-9


@pytest.mark.parametrize("n", [1, 10, 1_000, 10**9])
def test_without_errors_the_exact_bounds_are_known_by_hand(n: int) -> None:
    by_hand = -math.expm1(math.log(0.05 / 7) / n)  # 1 - (delta / M)^(1/n)
    for bound in (bounds.clopper_pearson, bounds.chernoff_kl):
        assert float(bound(0, n, 7, 0.05)) == pytest.approx(by_hand, rel=1e-6)


def test_proposition_5_gives_the_papers_figure() -> None:
    assert float(bounds.kawaguchi2017_gap(10_000, 10**9, 0.1)) == pytest.approx(0.0693965, abs=5e-8)
    assert float(bounds.kawaguchi2017_gap(10_000, 10**9, 0.1, gamma_squared=0.05**2)) == pytest.approx(
        0.0049281, abs=5e-8
    )


counted = st.integers(1, 3_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(deadline=None)
@given(counted, st.integers(1, 10**6), st.floats(1e-6, 0.999))
def test_the_order_of_the_bounds_and_the_empirical_risk(counts, tried, delta) -> None:
    exact, kl, loose = (
        float(f(*counts, tried, delta)) for f in (bounds.clopper_pearson, bounds.chernoff_kl, bounds.hoeffding)
    )
    assert exact <= kl * (1 + 2e-12) <= loose * (1 + 1e-11) + 4e-12
    assert all(float(bound(*counts, tried, delta)) >= counts[0] / counts[1] for bound in BOUNDS[:3])


@settings(deadline=None)
@given(st.integers(2, 2_000), st.integers(1, 1_000), st.floats(0.001, 0.5))
def test_monotone_in_errors_models_and_delta_and_in_size(n, tried, delta) -> None:
    errors = np.arange(n + 1)
    for bound in (bounds.hoeffding, bounds.chernoff_kl, bounds.clopper_pearson):
        assert np.all(np.diff(bound(errors, n, tried, delta)) >= -1e-12)
    for bound in BOUNDS:
        here = bound(n // 3, n, tried, delta)
        assert bound(n // 3, n, tried + 1, delta) >= here - 1e-12
        assert bound(n // 3, n, tried, delta / 2) >= here - 1e-12
        assert bound(2 * (n // 3), 2 * n, tried, delta) <= here + 1e-12


@pytest.mark.parametrize("bound", BOUNDS)
def test_broadcasts_as_a_loop_would(bound) -> None:
    errors, n = np.array([0, 3, 50])[:, None, None], np.array([50, 1_000])[:, None]
    tried, delta = np.array([1, 300]), 0.05
    found = bound(errors, n, tried, delta)
    assert found.shape == (3, 2, 2)
    for index in np.ndindex(3, 2, 2):
        one = float(bound(errors[index[0], 0, 0], n[index[1], 0], tried[index[2]], delta))
        if bound is bounds.clopper_pearson:  # SciPy's quantile for arrays, our own for one number: both upper bounds
            assert found[index] == pytest.approx(one, rel=2e-12)
        else:
            assert found[index] == one


@pytest.mark.parametrize("bound", [b for b in BOUNDS if b is not bounds.kawaguchi2017_prop5])
@pytest.mark.parametrize("n", [1, 20, 300])
@pytest.mark.parametrize("delta", [0.05, 0.3])
def test_coverage_summed_exactly_over_the_binomial(bound, n: int, delta: float) -> None:
    risks = np.concatenate([np.linspace(0.001, 0.999, 150), [0.5]])
    errors = np.arange(n + 1)
    upper = bound(errors, n, 1, delta)
    missed = (stats.binom.pmf(errors, n, risks[:, None]) * (upper < risks[:, None])).sum(axis=1)
    assert missed.max() <= delta + 1e-12
    if bound is bounds.clopper_pearson and n == 300:
        assert missed.max() > 0.9 * delta  # exact: no slack but that of whole errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, 4), "more than n"),
        ((-1, 4), "at least 0"),
        ((0, 0), "n = 0"),
        ((1, 10, 0), "tried = 0"),
        ((1, 10, 1.5), "tried = 1.5"),
        ((1, 10, 1, 0.0), "delta = 0"),
        ((1, 10, 1, 1.0), "delta = 1"),
        ((1, 10, 10**10, 1e-299), "too small"),
        ((float("nan"), 10), "NaN"),
        (("many", 10), "not a number"),
        ((np.array([1, 11]), 10), "more than n"),
    ],
)
@pytest.mark.parametrize("bound", BOUNDS)
def test_refuses_what_no_bound_can_use(bound, arguments, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bound(*arguments)


def test_a_tensor_that_requires_a_gradient_is_refused_with_what_to_give() -> None:
    import torch

    with pytest.raises(InputError, match="cannot be read") as refused:
        bounds.clopper_pearson(torch.tensor(3.0, requires_grad=True), 10)
    assert "detach" in refused.value.next_step


def test_clopper_pearson_wants_whole_errors() -> None:
    with pytest.raises(InputError, match="whole"):
        bounds.clopper_pearson(1.5, 10)


def _tail(k: int, n: int, p: float) -> mpmath.mpf:
    """P(Bin(n, p) <= k) with 40 digits, from its largest term down."""
    with mpmath.workdps(40):
        p = mpmath.mpf(p)
        term = mpmath.binomial(n, k) * p**k * (1 - p) ** (n - k)
        total = term
        for i in range(k, 0, -1):
            term *= i * (1 - p) / ((n - i + 1) * p)
            total += term
            if term < total * mpmath.mpf(10) ** -30:
                break
        return total


@pytest.mark.parametrize(
    ("k", "n", "level"),
    [
        *((k, n, 0.05) for k in (998, 999, 1000, 1001) for n in (2_000, 10**5, 10**9)),
        (999, 318_439_749, 8.8e-10),
        (35, 10**5, 1e-250),
        (33, 100, 1e-300),
        (1, 5, 1e-100),
        (2, 40, 1e-150),
        (0, 10**15, 1e-20),
        (3, 10, 0.999),
    ],
)
def test_the_exact_tail_at_clopper_pearson_is_the_level_and_never_above_it(k: int, n: int, level: float) -> None:
    bound = float(bounds.clopper_pearson(k, n, 1, level))
    found = float(_tail(k, n, bound) / mpmath.mpf(level)) if bound < 1 else 0.0
    below = float(_tail(k, n, bound * (1 - 4e-9)) / mpmath.mpf(level))
    assert found <= 1 < below


@settings(deadline=None)
@given(st.integers(0, 3_000), st.integers(1, 10**9), st.floats(-300, -0.01))
def test_clopper_pearson_is_never_below_the_exact_bound(k: int, more: int, exponent: float) -> None:
    bound = float(bounds.clopper_pearson(k, k + more, 1, 10**exponent))
    assert bound == 1 or _tail(k, k + more, bound) <= mpmath.mpf(10**exponent)


def test_one_number_gives_the_same_bits_as_within_an_array() -> None:
    rng = np.random.default_rng(0)
    n = rng.integers(1, 10**6, 200)
    errors, tried = np.floor(rng.random(200) ** 3 * (n + 1)), rng.integers(1, 10**6, 200)
    together = bounds.chernoff_kl(errors, n, tried, 0.05)
    alone = [float(bounds.chernoff_kl(*values, 0.05)) for values in zip(errors, n, tried, strict=True)]
    assert together.tolist() == alone
