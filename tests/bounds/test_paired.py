"""Two models on the same examples: SciPy's test as twin, agreement of interval and test, exact coverage."""

import numpy as np
import pytest
from scipy import stats

from gengap import bounds
from gengap.bounds.paired import _many_at_most
from gengap.errors import InputError


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 5), (5, 0), (3, 3), (10, 2), (40, 60), (600, 480)])
def test_mcnemar_is_the_binomial_test_at_one_half(a: int, b: int) -> None:
    twin = stats.binomtest(a, a + b, 0.5).pvalue if a + b else 1.0
    assert float(bounds.mcnemar(a, b)) == pytest.approx(twin, rel=1e-12)


@pytest.mark.parametrize("delta", [0.05, 0.01])
def test_the_interval_leaves_out_zero_exactly_when_the_test_decides(delta: float) -> None:
    a, b = np.meshgrid(np.arange(0, 24, 4), np.arange(0, 24, 3))
    interval = bounds.paired_difference(a, b, 1_000, delta)
    assert np.array_equal((interval.lower > 0) | (interval.upper < 0), bounds.differs(a, b, delta))
    assert np.array_equal(bounds.differs(a, b, delta), bounds.mcnemar(a, b) <= (1 - 1e-4) ** 2 * delta)
    assert np.all((interval.lower <= (a - b) / 1_000) & ((a - b) / 1_000 <= interval.upper))


@pytest.mark.parametrize(
    ("a", "b", "n", "most"), [(40, 25, 1_000, 0.034), (20, 4, 2_000, 0.0107), (0, 0, 1_000, 0.0075)]
)
def test_the_interval_is_hardly_wider_than_the_normal_one(a: int, b: int, n: int, most: float) -> None:
    interval = bounds.paired_difference(a, b, n)
    assert interval.upper - interval.lower < most  # 0.0315, 0.0096 and 0 by the normal approximation, which is invalid


def test_exchanging_the_models_turns_the_interval_round() -> None:
    one, other = bounds.paired_difference(7, 19, 400), bounds.paired_difference(19, 7, 400)
    assert float(one.lower) == -float(other.upper)
    assert float(one.upper) == -float(other.lower)


def outcomes(n: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    return a[a + b <= n], b[a + b <= n]


@pytest.mark.parametrize(("n", "delta"), [(1, 0.1), (12, 0.1), (12, 0.05), (20, 0.1)])
def test_coverage_summed_exactly_over_the_trinomial(n: int, delta: float) -> None:
    a, b = outcomes(n)
    interval = bounds.paired_difference(a, b, n, delta)
    rates = np.linspace(0, 1, 21)
    for p_a, p_b in [(p_a, p_b) for p_a in rates for p_b in rates if p_a + p_b <= 1 + 1e-12]:
        probability = stats.multinomial.pmf(np.stack([a, b, n - a - b], axis=1), n, [p_a, p_b, max(1 - p_a - p_b, 0.0)])
        covered = (interval.lower <= p_a - p_b + 1e-12) & (p_a - p_b - 1e-12 <= interval.upper)
        assert probability[~covered].sum() <= delta + 1e-12


def test_the_limit_is_where_the_tail_of_its_ordering_passes_the_level() -> None:
    """A twin by brute force: the outcomes in order, their probability summed, the largest over a fine list of rates."""
    n, delta, z = 12, 0.1, -stats.norm.ppf(0.05)
    a, b = outcomes(n)
    alpha = delta / 2
    decided = stats.binom.cdf(a, a + b, 0.5) <= alpha
    order = a - b + z * np.sqrt(a + b + z * z - (a - b) ** 2 / n)

    def tail(inside: np.ndarray, d: float) -> float:
        rates = np.linspace(abs(d), 1.0, 150)
        p = np.stack([(rates + d) / 2, (rates - d) / 2, 1 - rates]).T
        return max(stats.multinomial.pmf(np.stack([a, b, n - a - b], 1), n, row)[inside].sum() for row in p)

    for seen_a, seen_b in ((2, 6), (0, 0), (4, 3)):
        here = int(np.flatnonzero((a == seen_a) & (b == seen_b))[0])
        inside = order <= order[here] + 1e-9
        inside = inside & decided if decided[here] else inside | decided
        # with an outcome all those in which A errs alone less often, or B more often
        inside = np.array([np.any(inside & (x <= a) & (y >= b)) for x, y in zip(a, b, strict=True)])
        upper = float(bounds.paired_difference(seen_a, seen_b, n, delta).upper)
        low, high = (seen_a - seen_b) / n, 1.0
        for _ in range(12):
            d = (low + high) / 2
            low, high = (low, d) if tail(inside, d) <= alpha else (d, high)
        assert upper == pytest.approx(high, abs=2e-2)  # the region of rates may leave out the one of the largest tail
        assert upper <= high + 3e-3


def test_examples_needed_reach_the_power_and_one_fewer_does_not() -> None:
    def power(n: int, p_a: float, p_b: float, delta: float) -> float:
        a, b = outcomes(n)
        right = bounds.differs(a, b, delta) & ((a > b) == (p_a > p_b))
        return float(
            stats.multinomial.pmf(np.stack([a, b, n - a - b], axis=1), n, [p_a, p_b, 1 - p_a - p_b])[right].sum()
        )

    for p_a, p_b, delta in [(0.0, 0.3, 0.05), (0.7, 0.1, 0.05), (0.0, 1.0, 0.01)]:
        needed = bounds.paired_examples_needed(p_a, p_b, delta)
        assert needed is not None
        assert power(needed, p_a, p_b, delta) >= 0.8 > power(needed - 1, p_a, p_b, delta)
        assert bounds.paired_power(needed, p_a, p_b, delta) == pytest.approx(power(needed, p_a, p_b, delta), abs=1e-10)
    assert bounds.paired_examples_needed(0.2, 0.2) is None
    assert bounds.paired_examples_needed(0.0, 1e-9) is None


def test_many_examples_use_a_closed_form_that_is_as_good() -> None:
    m = np.array([12_000.0, 400_000.0])
    for p in (0.5, 0.45):
        for z in (-5, -2, 0, 2):
            k = np.floor(m * p + z * np.sqrt(m * p * (1 - p)))
            assert _many_at_most(k, m, np.array(p)) == pytest.approx(stats.binom.cdf(k, m, p), rel=1e-5)


def test_refuses_what_are_no_counts() -> None:
    with pytest.raises(InputError, match="count"):
        bounds.mcnemar(-1, 2)
    with pytest.raises(InputError, match="sum in"):
        bounds.paired_examples_needed(0.8, 0.7)
    with pytest.raises(InputError, match="more than n"):
        bounds.paired_difference(6, 5, 10)
