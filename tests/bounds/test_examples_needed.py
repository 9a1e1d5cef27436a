"""The size that a promise needs, against trying every size."""

import math

import numpy as np
import pytest

from gengap import bounds
from gengap.errors import InputError


def by_trying_every_size(gap: float, tried: int, delta: float, expected: float | None, most: int) -> int:
    last_failure = 0
    for n in range(1, most):
        k = np.arange(n + 1 if expected is None else min(n, math.ceil(expected * n - 1e-9)) + 1)
        if np.max(bounds.clopper_pearson(k, n, tried, delta) - k / n) > gap:
            last_failure = n
    return last_failure + 1


@pytest.mark.parametrize("gap", [0.5, 0.11, 0.07])
@pytest.mark.parametrize("expected", [None, 0.0, 0.01, 0.05, 0.3, 0.5, 1.0])
@pytest.mark.parametrize(("tried", "delta"), [(1, 0.05), (30, 0.2)])
def test_equals_trying_every_size(gap: float, expected: float | None, tried: int, delta: float) -> None:
    found = bounds.examples_needed(gap, tried, delta, expected)
    assert found == by_trying_every_size(gap, tried, delta, expected, most=2 * found + 50)


@pytest.mark.parametrize("gap", [0.3, 0.01, 1e-4, 1e-7])
def test_without_expected_errors_the_size_is_known_by_hand(gap: float) -> None:
    by_hand = math.log(0.05 / 10) / math.log1p(-gap)
    assert bounds.examples_needed(gap, 10, 0.05, 0.0) == pytest.approx(by_hand, rel=1e-8, abs=1)


def test_the_worst_case_asks_for_most() -> None:
    needs = [bounds.examples_needed(0.02, 300, 0.05, expected) for expected in (0.0, 0.01, 0.1, 0.4)]
    assert needs == sorted(needs)
    assert needs[-1] <= bounds.examples_needed(0.02, 300, 0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gap": 0.0}, "gap"),
        ({"gap": 1.0}, "gap"),
        ({"gap": float("nan")}, "gap"),
        ({"gap": 0.1, "expected_error": 1.1}, "expected_error"),
        ({"gap": 1e-6}, "more than 1,000,000,000"),
        ({"gap": 0.1, "tried": 0}, "tried"),
    ],
)
def test_refuses(arguments, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bounds.examples_needed(**arguments)
