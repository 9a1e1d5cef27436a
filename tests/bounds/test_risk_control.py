"""Risk control: a twin by a loop, exact coverage, laws."""

import numpy as np
import pytest
from scipy import stats

from gengap import bounds
from gengap.errors import InputError

GRID = np.linspace(0, 0.9, 10)


def draw(rng, n: int = 150):
    """Confidences, and errors that are rarer where confidence is larger: P(wrong | c) = (1 - c) / 2."""
    confidence = rng.random(n)
    return confidence, (rng.random(n) < (1 - confidence) / 2).astype(float)


def true_risk(threshold: float) -> float:
    return (1 - threshold) / 4  # the mean of (1 - c) / 2 for c uniform above the threshold


def test_equals_a_loop_over_the_thresholds() -> None:
    confidence, wrong = draw(np.random.default_rng(0))
    found = bounds.risk_control(confidence, wrong, 0.2, GRID[::-1], tried=3)
    assert np.array_equal(found.grid, GRID)
    for t, n, k, upper, controlled in zip(*found, strict=True):
        accepted = confidence >= t
        assert (n, k) == (accepted.sum(), wrong[accepted].sum())
        assert upper == pytest.approx(float(bounds.clopper_pearson(k, n, 3, 0.05 / 10)), rel=2e-12)  # see its docstring
        assert controlled == (stats.binom.cdf(k, n, 0.2) <= 0.05 / 3 / 10)


def test_a_fixed_sequence_stops_at_the_first_that_fails() -> None:
    confidence = np.repeat([0.9, 0.5, 0.1], 100)
    wrong = np.concatenate([np.zeros(100), np.repeat([1.0, 0.0], [80, 20]), np.zeros(100)])
    found = bounds.risk_control(confidence, wrong, 0.3, [0.0, 0.4, 0.8], sequence=True)
    assert found.controlled.tolist() == [False, False, True]
    assert found.accepted.tolist() == [300, 200, 100]


@pytest.mark.parametrize("sequence", [False, True])
def test_the_chosen_threshold_is_wrong_for_at_most_delta_of_all_sets(sequence: bool) -> None:
    rng, failures, repeats, delta = np.random.default_rng(1), 0, 500, 0.1
    for _ in range(repeats):
        found = bounds.risk_control(*draw(rng), 0.15, GRID, delta=delta, sequence=sequence)
        chosen = np.flatnonzero(found.controlled)
        failures += bool(chosen.size) and true_risk(found.grid[chosen[0]]) > 0.15
    assert stats.binom.sf(failures - 1, repeats, delta) > 1e-4


def test_where_nothing_is_accepted_nothing_is_promised() -> None:
    found = bounds.risk_control([0.1, 0.2], [0, 0], 0.5, [0.9])
    assert (found.accepted[0], found.upper[0], found.controlled[0]) == (0, 1.0, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.1], [0], 0.1, [1.2]), "outside"),
        (([0.1], [0], 0.1, []), "none"),
        (([0.1], [0], 1.0, [0.5]), "risk = 1"),
        (([1.1], [0], 0.1, [0.5]), "losses = 1.1"),
        (([0.1], [0.5], 0.1, [0.5]), "right or wrong"),
        (([0.1, 0.2], [0], 0.1, [0.5]), "shape"),
    ],
)
def test_refuses(arguments, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bounds.risk_control(*arguments)
