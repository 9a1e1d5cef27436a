"""Two classifiers on the same examples: the exact test, and an interval for the difference of their risks."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.arguments import real_number, whole_number
from gengap.arrays import Floats
from gengap.bounds.clopper_pearson import clopper_pearson
from gengap.bounds.inputs import counts, level, numbers
from gengap.errors import InputError, exact

FOR_NUISANCE = 1e-4  # share of delta spent on the region of the rate at which exactly one model errs
RULE = (1 - FOR_NUISANCE) * (
    1 - 1e-4
)  # share of delta that decides; the second factor pays for the search of a maximum
_REACH = 7.0  # standard deviations of the discordant count that are summed; what lies beyond is added to the tail
_GRID, _NEAR = 33, 9  # rates at which the largest tail is sought, everywhere and near the largest
_ROUNDS = 40
_CLOSE = 1e-4  # relative to the interval's half: by that much at most it is wider than it need be
_MANY = 5_000  # expected successes and failures above which the binomial tail has a closed form that is good enough
_MOST_EXAMPLES = 10**9


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


def differs(a_only: ArrayLike, b_only: ArrayLike, delta: ArrayLike = 0.05) -> NDArray[np.bool_]:
    """Whether the exact McNemar test decides: its p-value is at most 0.9998 delta.

    This is the rule of every verdict, and ``paired_difference`` leaves out 0 exactly when it is true: the rest of delta
    pays for the interval's region of discordance rates.

    Raises:
        InputError: An argument is out of its range.

    >>> bool(differs(0, 6)), bool(differs(0, 5))
    (True, False)
    """
    return np.asarray(mcnemar(a_only, b_only) <= RULE * level(1, delta))


def paired_difference(a_only: ArrayLike, b_only: ArrayLike, n: ArrayLike, delta: ArrayLike = 0.05) -> PairedInterval:
    r"""Interval for risk(A) - risk(B) that holds with probability at least 1 - delta, whatever the dependence.

    The counts (A alone errs, B alone errs, neither or both) are trinomial with rates :math:`(q + d)/2, (q - d)/2,
    1 - q`. The upper end is the largest difference d that is not refuted: d is refuted when, for every rate q in a
    Clopper-Pearson interval at level :math:`10^{-4} \delta`, outcomes that speak for A at least as much as those seen
    have a probability of at most :math:`(1 - 10^{-4}) \delta / 2`. The lower end is the same with A and B exchanged.

    Outcomes are ordered by the approximate limit :math:`a - b + z \sqrt{a + b + z^2 - (a - b)^2 / n}`, those in which
    McNemar's exact test decides for A before all others. So the ends and that test cannot contradict each other: the
    interval leaves out 0 exactly when ``differs`` is true.

    Source: Buehler 1957 (limits from an ordering of the outcomes); Berger and Boos 1994 (the region of the nuisance
    rate). The largest tail is sought on three nested grids of rates and compared with a level that is smaller by 1e-4.

    Args:
        a_only: Examples on which only A errs.
        b_only: Examples on which only B errs.
        n: All examples, at least ``a_only + b_only``.
        delta: Probability that the interval fails, in (0, 1); divide by the number of pairs that were compared.

    Returns:
        Lower and upper ends, in [-1, 1], of the shape to which the arguments broadcast.

    Raises:
        InputError: An argument is out of its range.

    Where no example distinguishes the two, only how rarely they differ is known:

    >>> lower, upper = paired_difference(0, 0, 1_000)
    >>> bool(upper == -lower), round(float(upper), 4)
    (True, 0.0037)
    """
    a, b, alpha = _whole("a_only", a_only), _whole("b_only", b_only), level(1, delta) / 2
    _, n = counts(a + b, n, whole=True)
    known: dict[tuple[float, ...], float] = {}

    def upper(*given: float) -> float:
        if given not in known:
            known[given] = _upper(*given)
        return known[given]

    cells = np.broadcast(a, b, n, alpha)
    ends = [(-upper(y, x, m, h), upper(x, y, m, h)) for x, y, m, h in ((*map(float, c),) for c in cells)]
    lower, above = np.array(ends).reshape(*cells.shape, 2).transpose(-1, *range(cells.ndim))
    return PairedInterval(np.asarray(lower), np.asarray(above))


def paired_examples_needed(p_a: float, p_b: float, delta: float = 0.05, power: float = 0.8) -> int | None:
    """The number of examples with which ``differs`` decides for the better model with probability ``power``.

    Exact: the number of discordant examples is random as well. The power as a function of the size has small teeth;
    this is a size that reaches ``power`` while one example fewer does not.

    Args:
        p_a: Probability that only A errs on an example.
        p_b: Probability that only B errs; at most 1 - ``p_a``.
        delta: As given to ``differs``.
        power: Wanted probability of a verdict for the better model, in (0, 1).

    Returns:
        None where the two rates are equal, or more than a billion examples would be needed.

    Raises:
        InputError: An argument is out of its range.

    With one error in ten that is always B's, six discordant examples are needed:

    >>> paired_examples_needed(0.0, 0.1)
    78
    """
    p_a, p_b = _rates(p_a, p_b)
    power = real_number(power, "power", above=0, below=1)
    if p_a == p_b:
        return None
    low, high = 0, 1
    while paired_power(high, p_a, p_b, delta) < power:
        low, high = high, 2 * high
        if high > _MOST_EXAMPLES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if paired_power(middle, p_a, p_b, delta) >= power else (middle, high)
    return high


def paired_power(n: int, p_a: float, p_b: float, delta: float = 0.05) -> float:
    """The probability that ``differs`` decides for the better model on n examples, to within 1e-11.

    Args:
        n: Examples.
        p_a: Probability that only A errs on an example.
        p_b: Probability that only B errs.
        delta: As given to ``differs``.

    Raises:
        InputError: An argument is out of its range.

    >>> round(paired_power(78, 0.0, 0.1), 3)
    0.804
    """
    n, (p_a, p_b) = whole_number(n, "n", most=2 * _MOST_EXAMPLES), _rates(p_a, p_b)
    q = p_a + p_b
    if q == 0:
        return 0.0
    m = _window(n, q, q)
    critical = _critical(m, RULE * float(level(1, delta)) / 2)
    return float(np.sum(_binomial(m, n, q) * _at_most(critical, m, min(p_a, p_b) / q)))


def _rates(p_a: float, p_b: float) -> tuple[float, float]:
    """The probabilities that only A and that only B errs, checked."""
    p_a, p_b = real_number(p_a, "p_a", least=0, most=1), real_number(p_b, "p_b", least=0, most=1)
    if p_a + p_b > 1:
        raise InputError(f"p_a = {exact(p_a)}, p_b = {exact(p_b)}.", expected="rates with a sum in [0, 1]")
    return p_a, p_b


def _upper(a: float, b: float, n: float, alpha: float) -> float:
    """The upper end for risk(A) - risk(B), at the level ``alpha`` of one side.

    The rate at which the tail is largest is replaced until no rate on the fine grid has a tail above the level.
    """
    low, high = (float(end) for end in _two_sided(a + b, n, FOR_NUISANCE * alpha))
    m = _window(n, low, high)
    region, decided = _region(m, a, b, n, RULE * alpha)
    limit, most, rate = (a - b) / n, 0.0 if decided else high, (a + b) / n
    for _ in range(_ROUNDS):
        limit = _passage(partial(_tail_at, rate, m, region, n), limit, most, RULE * alpha)
        rates = np.linspace(max(low, abs(limit)), high, _GRID)
        best = int(np.argmax([_tail(q, limit, m, region, n) for q in rates]))
        near = np.linspace(rates[max(best - 1, 0)], rates[min(best + 1, _GRID - 1)], _NEAR)
        tails = [_tail(q, limit, m, region, n) for q in near]
        rate = float(near[np.argmax(tails)])
        if max(tails) <= RULE * alpha:
            break
    else:
        limit = most
    return limit if decided else max(limit, 0.0)


def _region(m: Floats, a: float, b: float, n: float, alpha: float) -> tuple[Floats, bool]:
    """For each number m of discordant examples the most errors of A alone that speak for A as much as those seen.

    And whether McNemar's test decides for A. The region is made monotone: with an outcome it holds those in which A
    errs alone less often or B more often.
    """
    from scipy.special import ndtri

    z, critical = float(-ndtri(alpha)), _critical(m, alpha)
    kappa, shift = z * z / n, z * z
    u = a - b + z * np.sqrt(a + b + shift - (a - b) ** 2 / n)
    spread = z * z * (m + shift) * (1 + kappa) - kappa * u * u
    difference = (u - np.sqrt(np.maximum(spread, 0.0))) / (1 + kappa)
    most = np.floor((m + difference) / 2 + 1e-9)
    here = int(np.flatnonzero(m == a + b)[0])
    most[here] = max(most[here], a)
    decided = bool(a <= critical[here])
    most = np.minimum(most, critical) if decided else np.maximum(most, critical)
    fewer = np.maximum.accumulate((most - m)[::-1])[::-1] + m
    return np.clip(np.maximum(np.maximum.accumulate(most), fewer), -1, m), decided


def _tail_at(rate: float, m: Floats, region: Floats, n: float, d: float) -> float:
    """The tail at the rate, or at the smallest at which a difference d is possible."""
    return _tail(max(rate, abs(d)), d, m, region, n)


def _tail(rate: float, d: float, m: Floats, region: Floats, n: float) -> float:
    """The probability of the region at a difference d and a rate of discordance of at least abs(d), from above."""
    share = min(max((rate + d) / (2 * rate), 0.0), 1.0) if rate > 0 else 0.5
    near = slice(*np.searchsorted(m, _ends(n, rate, rate) + np.array([0, 1])))
    of_m = _binomial(m[near], n, rate)
    return float(np.sum(of_m * _at_most(region[near], m[near], share)) + max(1 - of_m.sum(), 0.0))


def _passage(tail: Callable[[float], float], low: float, high: float, allowed: float) -> float:
    """Where a falling tail passes the level, from above: secants of its logarithm, with a halving now and then."""
    start, at_low, at_high = low, tail(low), tail(high)
    for step in range(80):
        if at_low <= allowed or at_high > allowed or high - low <= _CLOSE * (high - start):
            break
        above, below = np.log(at_low / allowed), np.log(max(at_high, 1e-300) / allowed)
        weight = 0.5 if step % 3 == 2 else min(max(float(above / (above - below)), 0.02), 0.98)
        middle = low + (high - low) * weight
        at = tail(middle)
        if at <= allowed:
            high, at_high = middle, at
        else:
            low, at_low = middle, at
    return low if at_low <= allowed else high


def _window(n: float, low: float, high: float) -> Floats:
    """The numbers of discordant examples that have any probability at rates from ``low`` to ``high``."""
    first, last = _ends(n, low, high)
    return np.arange(first, last + 1)


def _ends(n: float, low: float, high: float) -> Floats:
    first, last = (n * p + sign * (_REACH * np.sqrt(n * p * (1 - p)) + 30) for p, sign in ((low, -1), (high, 1)))
    return np.array([max(0.0, np.floor(first)), min(float(n), np.ceil(last))])


def _binomial(m: Floats, n: float, rate: float) -> Floats:
    """The probability of each m."""
    from scipy.special import gammaln, xlog1py, xlogy

    ways = gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1)
    return np.asarray(np.exp(ways + xlogy(m, rate) + xlog1py(n - m, -rate)))


def _critical(m: Floats, alpha: float) -> Floats:
    """The largest k with P(Bin(m, 1/2) <= k) <= alpha for each m, or -1."""
    from scipy.special import ndtri

    k = np.clip(np.floor((m - 1 + ndtri(alpha) * np.sqrt(m)) / 2), -1, m)  # the normal distribution's, mostly right
    while (too_many := _at_most(k, m, 0.5) > alpha).any():
        k = k - too_many
    while (more := (k < m) & (_at_most(k + 1, m, 0.5) <= alpha)).any():
        k = k + more
    return k


def _at_most(k: ArrayLike, m: ArrayLike, p: ArrayLike) -> Floats:
    """The probability of at most k successes in m trials; 0 for k = -1."""
    from scipy.special import betaincc

    k, m, p = np.asarray(k, dtype=np.float64), np.asarray(m, dtype=np.float64), np.asarray(p, dtype=np.float64)
    if m.size > 1 and m.min() * min(p.min(), 1 - p.max()) > _MANY:
        return _many_at_most(k, m, p)
    inside = betaincc(np.maximum(k + 1, 1.0), np.maximum(m - k, 0.5), p)
    return np.where(k < 0, 0.0, np.where(k < m, inside, 1.0))


def _many_at_most(k: Floats, m: Floats, p: Floats) -> Floats:
    """The same for many successes and failures, to a relative 1e-5 for tails above 1e-9 (Peizer and Pratt 1968)."""
    from scipy.special import ndtr

    q = 1 - p
    k = np.clip(k, 1.0, m - 2)
    s, t = k + 0.5, m - k - 0.5
    distance = s + 1 / 6 - (m + 1 / 3) * p + 0.02 * (q / (k + 1) - p / (m - k) + (q - 0.5) / (m + 1))
    correction = 1 + q * _peizer_pratt(s / (m * p)) + p * _peizer_pratt(t / (m * q))
    return np.asarray(ndtr(distance * np.sqrt(correction / ((m + 1 / 6) * p * q))))


def _peizer_pratt(x: Floats) -> Floats:
    """(1 - x^2 + 2 x ln x) / (1 - x)^2, and its series near 1."""
    y = x - 1
    small = np.abs(y) < 1e-2
    far = np.where(small, 0.5, y)
    exact = (1 - (1 + far) ** 2 + 2 * (1 + far) * np.log1p(far)) / far**2
    return np.asarray(np.where(small, -y / 3 + y**2 / 6 - y**3 / 10 + y**4 / 15, exact))


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
