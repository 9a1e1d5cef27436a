"""Recall, precision, F1 and AUC: twins, exact coverage by summation, laws."""

import numpy as np
import pytest
from scipy import stats

from gengap import bounds
from gengap.errors import InputError


def test_a_share_is_the_misses_turned_round() -> None:
    assert float(bounds.share_lower(9, 10)) == pytest.approx(stats.beta.ppf(0.05, 9, 2), rel=1e-9)
    assert float(bounds.share_lower(0, 10)) == 0
    assert float(bounds.share_lower(10, 10)) == pytest.approx(0.05 ** (1 / 10))


@pytest.mark.parametrize("p", [0.05, 0.3, 0.8, 0.99])
def test_coverage_of_a_share_summed_exactly(p: float) -> None:
    for n in (1, 7, 40):
        hits = np.arange(n + 1)
        missed = bounds.share_lower(hits, n, 1, 0.1) > p
        assert stats.binom.pmf(hits, n, p)[missed].sum() <= 0.1


@pytest.mark.parametrize("rates", [(0.1, 0.05, 0.05), (0.02, 0.3, 0.1), (0.5, 0.0, 0.2)])
def test_coverage_of_f1_summed_exactly_over_the_counts(rates) -> None:
    """The true F1 is 2 tp / (2 tp + fp + fn) in probabilities; all counts of 14 examples are summed."""
    n, p = 14, [*rates, 1 - sum(rates)]
    counts = np.array([(a, b, c) for a in range(n + 1) for b in range(n + 1 - a) for c in range(n + 1 - a - b)])
    weight = stats.multinomial.pmf(np.column_stack([counts, n - counts.sum(axis=1)]), n, p)
    lower = bounds.f1_lower(*counts.T, 1, 0.1)
    true = 2 * rates[0] / (2 * rates[0] + rates[1] + rates[2])
    assert weight[lower > true].sum() <= 0.1
    seen = 2 * counts[:, 0] / np.maximum(2 * counts[:, 0] + counts[:, 1] + counts[:, 2], 1)
    assert np.all(lower <= seen + 1e-12)


def test_auc_equals_all_pairs() -> None:
    rng = np.random.default_rng(0)
    above, below = rng.integers(0, 6, 30), rng.integers(0, 5, 20)
    pairs = (above[:, None] > below).mean() + (above[:, None] == below).mean() / 2
    assert bounds.auc(above, below) == pytest.approx(pairs, abs=1e-12)
    assert bounds.auc(below, above) == pytest.approx(1 - pairs, abs=1e-12)
    assert bounds.auc([1.0], [0.0]) == 1


def test_auc_is_covered_by_simulation() -> None:
    rng, true, failures = np.random.default_rng(1), stats.norm.cdf(1 / np.sqrt(2)), 0
    for _ in range(400):
        value = bounds.auc(rng.normal(1, 1, 25), rng.normal(0, 1, 60))
        failures += bounds.auc_lower(value, 25, 60, 1, 0.1) > true
    assert failures <= 40


def test_more_models_and_fewer_examples_of_the_rarer_class_widen() -> None:
    assert bounds.auc_lower(0.9, 50, 500, 10) < bounds.auc_lower(0.9, 50, 500)
    assert bounds.auc_lower(0.9, 50, 500) == bounds.auc_lower(0.9, 500, 50) == bounds.auc_lower(0.9, 50, 50)
    assert bounds.f1_lower(0, 0, 0) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds.auc([], [0.1]), "both classes"),
        (lambda: bounds.auc([np.nan], [0.1]), "NaN"),
        (lambda: bounds.auc_lower(1.1, 5, 5), "outside"),
        (lambda: bounds.auc_lower(0.9, 0, 5), "n = 0"),
        (lambda: bounds.share_lower(3, 2), "more than n"),
        (lambda: bounds.f1_lower(-1, 0, 2), "no count"),
        (lambda: bounds.f1_lower(5, -2, 2), "no count"),
    ],
)
def test_refuses(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
