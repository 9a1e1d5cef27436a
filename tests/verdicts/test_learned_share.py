"""The rule that says learned, mixed, memorised, learned nothing or undecided, at its lines and beyond them."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom

from gengap.bounds import clopper_pearson_interval
from gengap.errors import InputError
from gengap.verdicts import learned_share
from gengap.verdicts.learned_share import RULE


@pytest.mark.parametrize(
    ("train", "test", "majority", "n_test", "verdict"),
    [
        (1.0, 0.95, 0.1, 10_000, "learned"),
        (1.0, 0.55, 0.1, 10_000, "mixed"),
        (1.0, 0.1, 0.1, 10_000, "memorised"),
        (1.0, 0.04, 0.1, 10_000, "memorised"),  # below the majority share: a negative share
        (0.1, 0.1, 0.1, 10_000, "learned nothing"),
        (0.05, 0.9, 0.1, 10_000, "learned nothing"),  # whatever the test split says
        (1.0, 0.82, 0.1, 1_000, "undecided"),  # share 0.8: the interval crosses the upper line
        (1.0, 0.28, 0.1, 1_000, "undecided"),  # share 0.2
        (1.0, 0.5, 0.1, 4, "undecided"),  # four test examples: both lines
        (0.6, 0.95, 0.1, 10_000, "learned"),  # a share above 1
        (1.0, 1.0, 1.0, 100, "learned nothing"),  # one class alone
    ],
)
def test_the_rule(train, test, majority, n_test, verdict):
    found = learned_share(train, test, majority, n_train=10_000, n_test=n_test)
    assert found.verdict == verdict
    assert found.rule == RULE


def test_the_interval_is_that_of_the_test_accuracy_put_into_the_share():
    """The twin: ends of Clopper and Pearson by root finding on the binomial tails."""
    hits, n, a, m = 61, 90, 0.97, 0.3
    low = brentq(lambda p: binom.sf(hits - 1, n, p) - 0.025, 0.0, 1.0)
    high = brentq(lambda p: binom.cdf(hits, n, p) - 0.025, 0.0, 1.0)
    found = learned_share(a, hits / n, m, n_train=1_000, n_test=n)
    assert found.share == pytest.approx((hits / n - m) / (a - m))
    assert (found.low, found.high) == pytest.approx(((low - m) / (a - m), (high - m) / (a - m)), abs=1e-9)


def test_the_words_have_the_level_that_was_asked_for():
    found = learned_share(1.0, 0.5, 0.1, n_train=1_000, n_test=100, delta=0.2)
    assert "80 % interval" in found.reason
    assert "80 % interval" in found.rule
    assert "95 %" not in found.reason + found.rule


def test_a_small_denominator_widens_the_interval():
    widths = []
    for a in (0.9, 0.6, 0.55):
        found = learned_share(a, 0.53, 0.5, n_train=100_000, n_test=1_000)
        widths.append(found.high - found.low)
    assert all(narrow < wide for narrow, wide in pairwise(widths))
    assert learned_share(0.55, 0.53, 0.5, n_train=100_000, n_test=1_000).verdict == "undecided"


def test_a_training_accuracy_within_noise_of_the_majority_share_is_nothing_learned():
    n, m = 1_000, 0.1
    line = m + 3 * math.sqrt(m * (1 - m) / n)
    below, above = (learned_share(line + d, 0.1, m, n_train=n, n_test=1_000) for d in (-1e-6, 1e-6))
    assert below.verdict == "learned nothing"
    assert above.verdict != "learned nothing"


def test_too_few_training_examples_decide_nothing():
    assert learned_share(1.0, 1.0, 0.5, n_train=8, n_test=10_000).verdict == "undecided"
    assert learned_share(1.0, 1.0, 0.5, n_train=10, n_test=10_000).verdict == "learned"


def test_a_test_accuracy_far_above_that_in_training_is_a_caution():
    assert "trained on this split" in learned_share(0.5, 0.9, 0.1, n_train=1_000, n_test=1_000).caution
    assert learned_share(0.89, 0.9, 0.1, n_train=1_000, n_test=1_000).caution == ""


def test_more_test_examples_never_turn_learned_into_memorised():
    verdicts = {learned_share(1.0, 0.9, 0.1, n_train=1_000, n_test=n).verdict for n in (10, 100, 1_000, 100_000)}
    assert verdicts == {"undecided", "learned"}


def test_the_verdict_misses_a_line_as_seldom_as_promised():
    """Of a network whose true share is exactly 0.8, fewer than 2.5 % of test sets say learned, by exact summation."""
    n, a, m = 400, 1.0, 0.1
    t = m + 0.8 * (a - m)
    says = [learned_share(a, k / n, m, n_train=10_000, n_test=n).verdict == "learned" for k in range(n + 1)]
    assert 0.01 < binom.pmf(np.flatnonzero(says), n, t).sum() <= 0.025


@pytest.mark.parametrize("wrong", [{"majority": 0.0}, {"train_accuracy": 1.2}, {"test_accuracy": math.nan}])
def test_numbers_out_of_range_are_refused(wrong):
    numbers = {"train_accuracy": 1.0, "test_accuracy": 0.5, "majority": 0.1} | wrong
    with pytest.raises(InputError):
        learned_share(**numbers, n_train=100, n_test=100)


def test_the_interval_covers_the_draw_of_training_examples():
    a, t, m, size, n_train, n_test = 0.7, 0.58, 0.1, 50_000, 1_000, 50_000
    random = np.random.default_rng(0)
    trained = random.hypergeometric(round(a * size), round((1 - a) * size), n_train, 1_000) / n_train
    tested = random.binomial(n_test, t, 1_000) / n_test

    def coverage(drawn_from):
        made = [
            learned_share(x, y, m, n_train=n_train, n_test=n_test, drawn_from=drawn_from)
            for x, y in zip(trained, tested, strict=True)
        ]
        return np.mean([found.low <= (t - m) / (a - m) <= found.high for found in made])

    assert coverage(None) < 0.5
    assert coverage(size) >= 0.95


@pytest.mark.parametrize(("test", "train"), [(0.9, 0.95), (0.05, 0.6), (0.11, 0.3)])
def test_the_interval_of_a_sample_holds_all_shares_that_both_accuracies_allow(test, train):
    found = learned_share(train, test, 0.1, n_train=200, n_test=100, drawn_from=1_000)
    a_ends = clopper_pearson_interval(round(200 * train), 200, delta=0.025)
    t_ends = clopper_pearson_interval(round(100 * test), 100, delta=0.025)
    shares = [(t - 0.1) / (a - 0.1) for a in a_ends for t in t_ends]
    assert (found.low, found.high) == pytest.approx((min(shares), max(shares)))
    assert "200 of 1,000 training examples" in found.reason
    whole = learned_share(train, test, 0.1, n_train=200, n_test=100, drawn_from=200)
    assert whole == learned_share(train, test, 0.1, n_train=200, n_test=100)


def test_a_sample_of_fewer_than_its_examples_is_refused():
    with pytest.raises(InputError, match="drawn_from"):
        learned_share(0.9, 0.9, 0.1, n_train=200, n_test=100, drawn_from=100)
