"""Remark 6 for finite classes: all signs as twin, and classes whose complexity is known."""

import itertools
import math

import numpy as np
import pytest

from gengap import bounds
from gengap.errors import InputError


def complexity_over_all_signs(losses) -> float:
    n = losses.shape[1]
    return float(np.mean([np.max(losses @ np.array(signs)) / n for signs in itertools.product((-1, 1), repeat=n)]))


def test_the_estimate_lies_within_its_own_slack_of_all_signs() -> None:
    losses = (np.random.default_rng(0).random((6, 10)) < 0.4).astype(float)
    found = bounds.finite_class_rademacher(losses, 0.05, draws=4_000)
    assert found.complexity == pytest.approx(complexity_over_all_signs(losses), abs=found.slack)


def test_parts_add_up_as_printed() -> None:
    losses = np.random.default_rng(1).random((4, 100))
    found = bounds.finite_class_rademacher(losses, 0.1, draws=50)
    assert found.slack == pytest.approx(math.sqrt(2 * math.log(3 / 0.1) / (100 * 50)))
    assert found.deviation == pytest.approx(3 * math.sqrt(math.log(3 / 0.1) / 200))
    expected = losses.mean(axis=1) + 2 * (found.complexity + found.slack) + found.deviation
    assert found.upper == pytest.approx(np.minimum(expected, 1))


def test_copies_cost_nothing_and_all_labellings_leave_no_promise() -> None:
    one = np.random.default_rng(2).random((1, 50))
    copies = bounds.finite_class_rademacher(np.repeat(one, 20, axis=0), draws=200)
    assert copies.complexity == bounds.finite_class_rademacher(one, draws=200).complexity
    everything = np.array(list(itertools.product((0.0, 1.0), repeat=10)))
    assert bounds.finite_class_rademacher(everything, draws=400).complexity == pytest.approx(0.5, abs=0.03)


def test_a_seed_fixes_the_estimate() -> None:
    losses = np.random.default_rng(3).random((3, 40))
    one, same, other = (bounds.finite_class_rademacher(losses, seed=seed).complexity for seed in (5, 5, 6))
    assert one == same != other


def test_refuses_a_single_vector_and_no_draws() -> None:
    with pytest.raises(InputError, match="models x examples"):
        bounds.finite_class_rademacher([0.1, 0.2])
    with pytest.raises(InputError, match="draws"):
        bounds.finite_class_rademacher([[0.1, 0.2]], draws=0)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((math.nan, 0.1, 10), "risk = nan"),
        ((-0.1, 0.1, 10), "risk = -0.1"),
        ((1.1, 0.1, 10), "risk = 1.1"),
        ((0.1, math.nan, 10), "complexity = nan"),
        ((0.1, -0.1, 10), "complexity = -0.1"),
        ((0.1, "0.1", 10), "complexity = '0.1'"),
        ((0.1, 0.1, 2.7), "n = 2.7"),
        ((0.1, 0.1, 10, 1.5), "delta = 1.5"),
    ],
)
def test_what_no_risk_or_complexity_can_be_is_refused(arguments, named: str) -> None:
    with pytest.raises(InputError, match=named):
        bounds.rademacher_bound(*arguments)
