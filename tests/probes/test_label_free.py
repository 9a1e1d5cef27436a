"""Disagreement and thresholded confidence: laws, and cases known by hand."""

import numpy as np
import pytest

from gengap.errors import InputError
from gengap.probes import disagreement, negative_entropy, thresholded_confidence


def test_disagreement_of_calibrated_votes_is_their_error():
    """Two votes and the label drawn alike from each example's class probabilities: all pairs differ equally often."""
    random = np.random.default_rng(0)
    p = random.dirichlet(np.ones(4), 40_000)
    first, second, label = (np.array((random.random((40_000, 1)) > p.cumsum(1)).sum(1)) for _ in range(3))
    found = disagreement(first, second)
    assert found.low < found.share < found.high
    assert found.share == pytest.approx((first != label).mean(), abs=0.015)  # six standard errors


def test_the_threshold_gives_the_labelled_examples_their_own_error():
    random = np.random.default_rng(1)
    confidence, right = random.random(1_000), random.random(1_000) < 0.8
    found = thresholded_confidence(confidence, right, confidence)
    assert found.error == found.least == found.most == pytest.approx((~right).mean(), abs=1e-12)


@pytest.mark.parametrize("levels", [1, 2, 5, 40])
def test_with_equal_confidences_it_is_the_mean_of_ties_broken_at_random(levels: int):
    random = np.random.default_rng(levels)
    known, new = (random.integers(0, levels, n) / levels for n in (60, 50))
    right = random.random(60) < 0.75
    found = thresholded_confidence(known, right, new)
    assert thresholded_confidence(known, right, known).error == pytest.approx((~right).mean(), abs=1e-12)
    wrong, broken = int((~right).sum()), []
    for _ in range(20_000):  # each example gets a rank of its own among equals; a new one falls between the labelled
        noise, of_new = random.random(60), random.random(50)
        at = np.lexsort((noise, known))[wrong]
        below = (new < known[at]) | ((new == known[at]) & (of_new < _share_below(known, noise, at)))
        broken.append(below.mean())
    assert found.error == pytest.approx(np.mean(broken), abs=0.003)
    assert found.least <= min(broken) <= max(broken) <= found.most


def _share_below(known: np.ndarray, noise: np.ndarray, at: int) -> float:
    """Of the labelled examples that equal this one, the share that comes before it."""
    return float((noise[known == known[at]] < noise[at]).mean())


def test_the_ends_of_the_threshold():
    assert thresholded_confidence([0.2, 0.4], [True, True], [0.1, 0.3]).error == 0.5  # below the least one seen
    assert thresholded_confidence([0.2, 0.4], [False, False], [0.9, 1.0]).error == 1.0
    assert thresholded_confidence([1.0, 1.0], [True, True], [0.9, 1.0]).error == 0.5


def test_lower_confidence_never_lowers_the_estimate():
    random = np.random.default_rng(2)
    known, right, new = random.random(300), random.random(300) < 0.7, random.random(300)
    estimates = [thresholded_confidence(known, right, new - shift).error for shift in (0.0, 0.1, 0.3)]
    assert estimates == sorted(estimates)


def test_entropy_is_zero_for_certainty_and_ln_c_for_none():
    assert negative_entropy(np.eye(3)).tolist() == [0.0, 0.0, 0.0]
    assert negative_entropy(np.full((1, 5), 0.2))[0] == pytest.approx(-np.log(5))


def test_unequal_lengths_are_refused():
    with pytest.raises(InputError):
        disagreement([0, 1], [0])
    with pytest.raises(InputError):
        thresholded_confidence([0.1], [True, False], [0.1])
