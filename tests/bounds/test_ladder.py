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


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: Ladder([]), "one label"),
        (lambda: Ladder([0, 1], step=0), "step"),
        (lambda: Ladder([0, 1]).submit([0]), "one prediction"),
        (lambda: Ladder([0, 1]).accuracy(), "no guarantee"),
        (lambda: Ladder([0, 1], step=0.1).accuracy(), "Nothing was submitted"),
    ],
)
def test_refuses(act, message: str) -> None:
    with pytest.raises(InputError, match=message):
        act()
