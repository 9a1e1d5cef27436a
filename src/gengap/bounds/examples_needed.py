"""How many held-out examples a promise needs."""

import math
from collections.abc import Callable

import numpy as np

from gengap.arguments import real_number
from gengap.bounds.clopper_pearson import clopper_pearson
from gengap.errors import InputError, exact

MOST_EXAMPLES = 10**9


def examples_needed(gap: float, tried: int = 1, delta: float = 0.05, expected_error: float | None = None) -> int:
    """The smallest n from which on the Clopper-Pearson bound is at most ``gap`` above the empirical risk.

    It is so for every number of errors up to ceil(expected_error n), or for any number at all where no error is
    expected (the worst case, near one half), and for every larger set as well. The need is not monotone in n, because
    errors are whole: the search goes down from a size that surely suffices, and stops at the last size that fails.

    Args:
        gap: Largest distance wanted between the bound and the empirical risk, in (0, 1).
        tried: Models compared on these examples, at least 1.
        delta: Probability that the bound fails for any of them, in (0, 1).
        expected_error: Error rate that the model will not exceed on the held-out examples, in [0, 1].

    Raises:
        InputError: An argument is out of its range, or more than a billion examples would be needed.

    With no error expected, 1 - delta^(1/n) has to be at most the gap:

    >>> examples_needed(0.01, expected_error=0.0), math.ceil(math.log(0.05) / math.log(0.99))
    (299, 299)
    """
    gap = real_number(gap, "gap", above=0, below=1)
    share = 1.0 if expected_error is None else real_number(expected_error, "expected_error", least=0, most=1)

    def errors(n: int) -> int:
        return min(n, math.ceil(share * n - 1e-9))

    def enough(n: int, more: int = 0) -> bool:
        return _largest_gap(n, min(n, errors(n) + more), tried, delta) <= gap

    if not enough(MOST_EXAMPLES, 1):
        raise InputError(
            f"A gap of {exact(gap)} needs more than {MOST_EXAMPLES:,} examples.", next_step="ask for a wider gap"
        )
    # One error more than expected hides the steps of ceil: its gap falls with n, so every larger size suffices too.
    n = _first(1, MOST_EXAMPLES, lambda n: enough(n, 1))
    while n > 1 and enough(start := _same_errors_from(n - 1, errors)):
        n = start
    return _first(1 if n == 1 else start + 1, n, enough)


def _largest_gap(n: int, most: int, tried: int, delta: float) -> float:
    """The largest distance of bound and empirical risk over 0 to ``most`` errors; it has a single peak."""
    low, high = 0.0, float(most)
    while True:
        k = np.unique(np.linspace(low, high, 65).round())
        gaps = clopper_pearson(k, n, tried, delta) - k / n
        if high - low <= 64:
            return float(gaps.max())
        peak = int(gaps.argmax())
        low, high = k[max(peak - 1, 0)], k[min(peak + 1, k.size - 1)]


def _same_errors_from(n: int, errors: Callable[[int], int]) -> int:
    """The smallest size with as many errors as n has: among these sizes the gap falls with the size."""
    return _first(1, n, lambda m: errors(m) >= errors(n))


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The smallest whole number in [low, high] from which on ``holds`` is true, given that it is at ``high``."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
