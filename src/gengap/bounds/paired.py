"""Two classifiers on the same examples: the exact test, and an interval for the difference of their risks."""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincc

from gengap.arrays import Floats
from gengap.bounds.clopper_pearson import clopper_pearson
from gengap.bounds.inputs import counts, level, numbers
from gengap.errors import InputError

FOR_DIRECTION = 0.95  # share of delta spent on which model is better; the rest is spent on how often they differ
_MOST_DISCORDANT = 10**9


class PairedInterval(NamedTuple):
    """An interval for the risk of A minus the risk of B."""

    lower: Floats
    upper: Floats


def mcnemar(a_only: ArrayLike, b_only: ArrayLike) -> Floats:
    """Two-sided p-value of McNemar's test in its exact form: twice the smaller binomial tail, at most 1.

    Given that exactly one of A and B errs, it is A with probability 1/2 when their risks are equal.

    Source: McNemar 1947, with the binomial distribution in place of its approximation.

    Args:
        a_only: Examples on which only A errs.
        b_only: Examples on which only B errs.

    Returns:
        float64 of the shape to which the arguments broadcast.

    Raises:
        InputError: A count is negative or not whole.

    >>> float(mcnemar(0, 5)), float(mcnemar(3, 3))
    (0.0625, 1.0)
    """
    a, b = _whole("a_only", a_only), _whole("b_only", b_only)
    return np.minimum(2 * _at_most(np.minimum(a, b), a + b, 0.5), 1.0)


def paired_difference(a_only: ArrayLike, b_only: ArrayLike, n: ArrayLike, delta: ArrayLike = 0.05) -> PairedInterval:
    r"""Interval for risk(A) - risk(B) that holds with probability at least 1 - delta, whatever the dependence.

    The difference is q (2 t - 1), with q the probability that exactly one errs, and t the probability that it is A.
    Both get two-sided Clopper-Pearson intervals, t (given the number of discordant examples) at 0.95 delta and q at
    0.05 delta; the interval is the range of the product. So it leaves out 0 exactly when ``mcnemar`` is at most
    0.95 delta. Valid by the union bound, as each of the two is exact.

    Args:
        a_only: Examples on which only A errs.
        b_only: Examples on which only B errs.
        n: All examples, at least ``a_only + b_only``.
        delta: Probability that the interval fails, in (0, 1); divide by the number of pairs that were compared.

    Returns:
        Lower and upper ends, in [-1, 1], of the shape to which the arguments broadcast.

    Raises:
        InputError: An argument is out of its range.
    """
    a, b, delta = _whole("a_only", a_only), _whole("b_only", b_only), level(1, delta)
    differ = a + b
    rare, often = _two_sided(differ, n, (1 - FOR_DIRECTION) * delta)
    trials = np.maximum(differ, 1)
    low, high = _two_sided(np.minimum(a, trials), trials, FOR_DIRECTION * delta)
    low, high = np.where(differ > 0, 2 * low - 1, -1.0), np.where(differ > 0, 2 * high - 1, 1.0)
    lower = np.where(low < 0, often * low, rare * low)
    return PairedInterval(lower, np.where(high > 0, often * high, rare * high))


def discordant_needed(share: float, delta: float = 0.05, power: float = 0.8) -> int | None:
    """About how many discordant examples let ``paired_difference`` leave out 0 on the right side.

    The power of the exact test is a saw tooth; this is a number where it reaches ``power`` and one fewer does not.

    Args:
        share: The true share of discordant examples on which the worse model errs, from 0 to 1; 1/2 or below gives
            None, as does a need beyond a billion.
        delta: As given to ``paired_difference``.
        power: Wanted probability of an answer, in (0, 1).

    Raises:
        InputError: An argument is out of its range.
    """
    if not (0 <= share <= 1 and 0 < power < 1):
        raise InputError(f"share = {share}, power = {power}.", expected="a share from 0 to 1, a power in (0, 1)")
    tail = FOR_DIRECTION * float(level(1, delta)) / 2

    def reached(m: int) -> bool:
        k = bisect_left(range(m + 1), power, key=lambda k: float(_at_most(k, m, 1 - share)))
        return bool(_at_most(k, m, 0.5) <= tail)

    if share <= 0.5 or not reached(_MOST_DISCORDANT):
        return None
    low, high = 0, _MOST_DISCORDANT
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _at_most(k: ArrayLike, m: ArrayLike, p: float) -> Floats:
    """The probability of at most k successes in m trials."""
    k, m = np.asarray(k, dtype=np.float64), np.asarray(m, dtype=np.float64)
    return np.where(k < m, betaincc(k + 1, np.maximum(m - k, 0.5), p), 1.0)


def _two_sided(k: ArrayLike, n: ArrayLike, delta: ArrayLike) -> tuple[Floats, Floats]:
    """The two-sided Clopper-Pearson interval, delta/2 at each end."""
    k, n = counts(k, n, whole=True)
    half = np.asarray(delta) / 2
    return 1 - clopper_pearson(n - k, n, delta=half), clopper_pearson(k, n, delta=half)


def _whole(name: str, values: ArrayLike) -> Floats:
    array = numbers(name, values)
    if not np.all((array >= 0) & (array == np.floor(array))):
        raise InputError(f"{name} holds what is no count.", expected="whole numbers of at least 0")
    return array
