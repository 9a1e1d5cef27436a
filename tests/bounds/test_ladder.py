"""The Ladder: its rule step by step, and an attack that climbs a plain leaderboard but not the Ladder."""

import math

import numpy as np
import pytest

from gengap.bounds import Ladder
from gengap.errors import InputError

LABELS = np.arange(100) % 2


def with_errors(k: int) -> np.ndarray:
    predictions = LABELS.copy()
    predictions[:k] = 1 - predictions[:k]
    return predictions


def test_only_improvements_beyond_a_step_are_told_and_rounded() -> None:
    ladder = Ladder(LABELS, step=0.05)
    told = [ladder.submit(with_errors(k)) for k in (43, 41, 38, 60, 12)]
    assert told == pytest.approx([0.45, 0.45, 0.40, 0.40, 0.10])
    assert ladder.submissions == 5


def test_parameter_free_needs_more_than_a_standard_error() -> None:
    ladder = Ladder(LABELS)
    assert ladder.submit(with_errors(40)) == pytest.approx(0.40)
    assert ladder.submit(with_errors(39)) == pytest.approx(0.40)  # one better: standard error 0.01, not beaten
    assert ladder.submit(with_errors(36)) == pytest.approx(0.36)  # four better: standard error 0.0197


@pytest.mark.parametrize("step", [0.05, 0.1, 0.15, 0.01, 0.07])
def test_an_improvement_by_just_a_step_is_not_told(step: float) -> None:
    steps = round(100 * step)
    for told in range(steps, 100, steps):  # the errors of the score told, a multiple of the step
        ladder = Ladder(LABELS, step=step)
        assert ladder.submit(with_errors(told)) == pytest.approx(told / 100)
        assert ladder.submit(with_errors(told - steps)) == pytest.approx(told / 100)
        if told > steps:
            assert ladder.submit(with_errors(told - steps - 1)) < told / 100


def test_the_exact_rule_without_a_step_is_that_of_the_standard_error() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        ladder = Ladder(np.zeros(40, dtype=int))
        one, other = (rng.random((2, 40)) < rng.random((2, 1))).astype(int)
        ladder.submit(one)
        difference = other - one
        gain, error = -difference.mean(), difference.std(ddof=1) / math.sqrt(40)
        if not math.isclose(gain, error):
            assert ladder.submit(other) == pytest.approx(other.mean() if gain > error else one.mean())


def attack(score, n: int, rounds: int, seed: int) -> float:
    """Majority vote of the random guesses that were told to beat chance; the score that the vote is told."""
    rng = np.random.default_rng(seed)
    guesses = rng.integers(0, 2, (rounds, n))
    kept = [guess for guess in guesses if score(guess) < 0.5]
    vote = (np.mean(kept, axis=0) > 0.5).astype(int) if kept else guesses[0]
    return score(vote)


def test_boosting_random_guesses_fools_a_plain_leaderboard_but_not_the_ladder() -> None:
    n = 1_000
    labels = np.random.default_rng(0).integers(0, 2, n)
    assert attack(lambda guess: float(np.mean(guess != labels)), n, 300, seed=1) < 0.4
    assert attack(Ladder(labels, step=0.1).submit, n, 300, seed=1) == pytest.approx(0.5)


def test_accuracy_is_theorem_3_1_solved_for_the_distance() -> None:
    ladder = Ladder(np.zeros(100_000, dtype=int), step=0.1)
    for _ in range(7):
        ladder.submit(np.zeros(100_000, dtype=int))
    distance = ladder.accuracy(0.05) - 0.1
    failure = math.exp(-2 * distance**2 * 100_000 + (1 / 0.1 + 2) * math.log(4 * 7 / 0.1) + 1)
    assert failure == pytest.approx(0.05, rel=1e-9)


def test_where_the_scores_say_when_to_stop_the_submissions_planned_count() -> None:
    short, whole = (Ladder(np.zeros(1000, dtype=int), step=0.1) for _ in range(2))
    short.submit(np.zeros(1000, dtype=int))
    for _ in range(7):
        whole.submit(np.zeros(1000, dtype=int))
    assert short.accuracy() < short.accuracy(planned=7) == whole.accuracy() == whole.accuracy(planned=7)
    with pytest.raises(InputError, match="planned = 6, but there were 7"):
        whole.accuracy(planned=6)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: Ladder([]), "one value for each"),
        (lambda: Ladder([0, 1], step=0), "step"),
        (lambda: Ladder([0, 1]).submit([0]), "y_true has 2 values, y_pred 1"),
        (lambda: Ladder([0, 1]).accuracy(), "no guarantee"),
        (lambda: Ladder([0, 1], step=0.1).accuracy(), "Nothing was submitted"),
    ],
)
def test_refuses(act, message: str) -> None:
    with pytest.raises(InputError, match=message):
        act()
