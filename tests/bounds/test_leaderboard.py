"""The leaderboard: its weights sum to one at most, its bounds hold against somebody who fits its answers."""

import math

import numpy as np
import pytest

from gengap import bounds
from gengap.bounds import Leaderboard
from gengap.errors import InputError


def test_answers_are_improvements_rounded_up_or_none() -> None:
    board = Leaderboard(n=200, step=0.05, planned=10)
    assert (board.score, board.upper) == (None, 1.0)
    for errors, answer in ((61, 7), (60, 6), (60, None), (100, None), (55, None), (50, 5), (0, 0), (0, None)):
        board = board.look(errors)
        assert board.answers[-1] == answer
    assert board.score == 0.0


def test_the_weights_of_all_models_that_answers_can_lead_to_sum_to_at_most_one() -> None:
    """All transcripts of four looks, by brute force: each prefix is one model."""
    steps, planned, total = 4, 4, 0.0
    prefixes: list[tuple[int | None, ...]] = [()]
    for place in range(planned):
        total += sum(math.exp(_weight(prefix, steps, planned)) for prefix in prefixes)
        for prefix in prefixes:
            board = Leaderboard(n=8, step=1 / steps, planned=planned, answers=(*prefix, _any_answer(prefix)))
            assert board._log_weight(place) == pytest.approx(_weight(prefix, steps, planned))
        prefixes = [
            (*prefix, answer)
            for prefix in prefixes
            for answer in [*range(_best(prefix, steps)), *([None] if prefix else [])]
        ]
    assert 0.5 < total <= 1 + 1e-12


def _best(prefix, steps: int) -> int:
    return min([answer for answer in prefix if answer is not None], default=steps + 1)


def _any_answer(prefix):
    return max(_best(prefix, 4) - 1, 0) if not prefix or _best(prefix, 4) > 0 else None


def _weight(prefix, steps: int, planned: int) -> float:
    """The definition, in a plain loop."""
    p, weight, best = min(5 / planned, 0.5), 1 / planned, steps + 1
    for place, answer in enumerate(prefix):
        if place == 0:
            weight /= steps + 1
        else:
            weight *= 1 - p if answer is None else p * 2.0 ** -(best - answer)
        best = best if answer is None else answer
    return math.log(weight)


def test_the_bound_is_clopper_pearson_at_the_weight() -> None:
    board = Leaderboard(n=1_000, step=0.1, planned=20).look(310).look(500).look(199)
    weight = 1 / 20 / 11 * (1 - 0.25)
    assert board.upper == pytest.approx(float(bounds.clopper_pearson(200, 1_000, 1, 0.05 * weight)), rel=1e-12)
    assert board.look(300).upper == board.upper


def attacked(seed: int, n: int = 400, looks: int = 60) -> Leaderboard:
    """Labels are coin tosses; each submission changes the best one on random examples, and improvements are kept."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    board, best = Leaderboard(n=n, step=0.01, planned=looks), rng.integers(0, 2, n)
    board = board.look(int(np.sum(best != labels)))
    for _ in range(looks - 1):
        trial = np.where(rng.random(n) < 0.1, rng.integers(0, 2, n), best)
        board = board.look(int(np.sum(trial != labels)))
        best = trial if board.answers[-1] is not None else best
    return board


def test_an_attacker_lowers_the_score_and_not_the_bound_below_the_truth() -> None:
    boards = [attacked(seed) for seed in range(40)]
    assert np.mean([board.score for board in boards]) < 0.47
    assert all(board.upper >= 0.5 for board in boards)  # the true error rate of every submission


def test_no_more_looks_than_planned() -> None:
    board = Leaderboard(n=10, step=0.5, planned=1).look(3)
    with pytest.raises(InputError, match="All 1 looks"):
        board.look(2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"step": 0.3}, "step = 0.3"),
        ({"step": 0.0}, "step = 0"),
        ({"planned": 0}, "planned = 0"),
        ({"n": 0}, "n = 0"),
        ({"delta": 1.0}, "delta = 1"),
        ({"answers": (None,)}, "none of a leaderboard"),
        ({"answers": (3, 4)}, "none of a leaderboard"),
        ({"answers": (5, 4, 3, 2)}, "4 looks"),
    ],
)
def test_refuses(arguments, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Leaderboard(**({"n": 10, "step": 0.1, "planned": 3, "delta": 0.05} | arguments))
    with pytest.raises(InputError, match="more than n"):
        Leaderboard(10, 0.1, 3).look(11)
