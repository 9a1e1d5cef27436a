"""Two models on the same examples: SciPy's test as twin, agreement of interval and test, exact coverage."""

import numpy as np
import pytest
from scipy import stats

from gengap import bounds
from gengap.errors import InputError


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 5), (5, 0), (3, 3), (10, 2), (40, 60), (600, 480)])
def test_mcnemar_is_the_binomial_test_at_one_half(a: int, b: int) -> None:
    twin = stats.binomtest(a, a + b, 0.5).pvalue if a + b else 1.0
    assert float(bounds.mcnemar(a, b)) == pytest.approx(twin, rel=1e-12)


@pytest.mark.parametrize("delta", [0.05, 0.01])
def test_the_interval_leaves_out_zero_exactly_when_the_test_rejects(delta: float) -> None:
    a, b = np.meshgrid(np.arange(25), np.arange(25))
    interval = bounds.paired_difference(a, b, 1_000, delta)
    assert np.array_equal((interval.lower > 0) | (interval.upper < 0), bounds.mcnemar(a, b) <= 0.95 * delta)
    assert np.all((interval.lower <= (a - b) / 1_000) & ((a - b) / 1_000 <= interval.upper))


def test_exchanging_the_models_turns_the_interval_round() -> None:
    one, other = bounds.paired_difference(7, 19, 400), bounds.paired_difference(19, 7, 400)
    assert float(one.lower) == pytest.approx(-float(other.upper), abs=1e-14)
    assert float(one.upper) == pytest.approx(-float(other.lower), abs=1e-14)


@pytest.mark.parametrize(("p_a", "p_b"), [(0.0, 0.0), (0.02, 0.02), (0.1, 0.02), (0.3, 0.3), (0.5, 0.5), (0.01, 0.6)])
@pytest.mark.parametrize("n", [1, 12, 60])
def test_coverage_summed_exactly_over_the_trinomial(p_a: float, p_b: float, n: int) -> None:
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    a, b = a[a + b <= n], b[a + b <= n]
    probability = stats.multinomial.pmf(np.stack([a, b, n - a - b], axis=1), n, [p_a, p_b, max(1 - p_a - p_b, 0.0)])
    interval = bounds.paired_difference(a, b, n, 0.1)
    held = (interval.lower <= p_a - p_b) & (p_a - p_b <= interval.upper)
    assert probability[~held].sum() <= 0.1 + 1e-12


def test_discordant_needed_reaches_the_power_and_one_fewer_does_not() -> None:
    def power(m: int, share: float, delta: float) -> float:
        k = np.arange(m + 1)
        decided = (bounds.mcnemar(k, m - k) <= 0.95 * delta) & (k > m - k)
        return float(stats.binom.pmf(k, m, share)[decided].sum())

    for share, delta in [(0.6, 0.05), (0.9, 0.05), (0.7, 0.001), (1.0, 0.05)]:
        needed = bounds.discordant_needed(share, delta)
        assert needed is not None
        assert power(needed, share, delta) >= 0.8 > power(needed - 1, share, delta)
    assert bounds.discordant_needed(0.5) is None
    assert bounds.discordant_needed(0.500001) is None


def test_refuses_what_are_no_counts() -> None:
    with pytest.raises(InputError, match="count"):
        bounds.mcnemar(-1, 2)
    with pytest.raises(InputError, match="more than n"):
        bounds.paired_difference(6, 5, 10)
