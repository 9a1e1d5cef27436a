"""The exact binomial bound of Clopper and Pearson."""

import numpy as np
from numpy.typing import ArrayLike

from gengap.arrays import Floats
from gengap.bounds.binomial_tail import MOST_TRIALS, complement_at_tail, probability_at_tail
from gengap.bounds.inputs import counts, level

_ROUND_OFF = 1e-12  # relative, of our quantile, and of SciPy's where it is good
_SLACK, _SLACK_BY_EXAMPLE, _MOST_SLACK = 1e-15, 1e-19, 1e-9  # relative, of the tail; more than SciPy's error
_TIGHT = 1e-3  # relative: by how much less than the level the tail may be
_HALVINGS = 200


def clopper_pearson(errors: ArrayLike, n: ArrayLike, tried: ArrayLike = 1, delta: ArrayLike = 0.05) -> Floats:
    r"""The largest p for which at most ``errors`` errors still have probability ``delta / tried``; for 0-1 loss.

    It solves :math:`P(\mathrm{Bin}(n, p) \le k) = \delta / M`, which is the 1 - delta/M quantile of the Beta(k+1, n-k)
    distribution, and is 1 for k = n. For one number that quantile is computed without SciPy, whose import would take
    longer than all else in ``gengap certify``. For arrays SciPy's is used where the tail at it is the level; it is NaN
    or wrong for some k and levels (SciPy 1.17: k = 999, levels below 1e-100), and there the interval [0, 1] is halved
    until the tail passes the level. Either way the tail at what is returned is at most the level, so that round-off
    only enlarges it. Where delta / M is at most 0.98 the two are within a relative 2e-12 of each other up to a million
    examples, and within 2e-10 up to a billion; nearer to 1 an array's is larger, by up to a quarter at 1 - 2.5e-12.

    Source: Clopper and Pearson 1934, one-sided, with a union bound over the M models tried. No bound of the form
    u(errors) that increases with the errors and holds for every true risk is smaller.

    Args:
        errors: Number of errors, whole.
        n: Number of examples, at least 1.
        tried: Models compared on these examples, at least 1.
        delta: Probability that the bound fails for any of them, in (0, 1).

    Returns:
        float64 of the shape to which the arguments broadcast.

    Raises:
        InputError: An argument is out of its range.

    With no error the bound is 1 - (delta/M)^(1/n):

    >>> round(float(clopper_pearson(0, 100)), 6), round(1 - 0.05 ** (1 / 100), 6)
    (0.029513, 0.029513)
    """
    errors, n = counts(errors, n, whole=True)
    wanted = level(tried, delta)
    if errors.ndim == n.ndim == wanted.ndim == 0 and n <= MOST_TRIALS:
        return np.asarray(_of_one(int(errors), int(n), float(wanted)))
    errors, n, wanted = np.broadcast_arrays(errors, n, wanted)
    return np.where(errors < n, _smallest(errors, np.maximum(n, errors + 1), wanted), 1.0)


def clopper_pearson_interval(hits: int, n: int, tried: int = 1, delta: float = 0.05) -> tuple[float, float]:
    """The two-sided interval of Clopper and Pearson for the probability of a hit, delta / 2 at each end.

    Args:
        hits: Number of hits (or of errors, for an error rate), whole.
        n: Number of examples, at least 1.
        tried: As for ``clopper_pearson``.
        delta: Probability that the interval misses for any of the models tried, in (0, 1).

    Raises:
        InputError: An argument is out of its range.

    >>> low, high = clopper_pearson_interval(0, 100)
    >>> low, round(high, 6)
    (0.0, 0.036217)
    """
    upper, others = (float(clopper_pearson(count, n, tried, delta / 2)) for count in (hits, n - hits))
    if hits and n <= MOST_TRIALS:  # with all its digits near 0
        exact = complement_at_tail(int(n - hits), int(n), float(level(tried, delta / 2)))
        return exact * (1 - _ROUND_OFF), upper
    return 1 - others, upper


def _of_one(errors: int, n: int, wanted: float) -> float:
    return 1.0 if errors == n else min(probability_at_tail(errors, n, wanted) * (1 + _ROUND_OFF), 1.0)


def _smallest(errors: Floats, n: Floats, wanted: Floats) -> Floats:
    """The smallest p at which at most ``errors``, of which there are fewer than ``n``, have this probability."""
    from scipy.special import betaincc, betainccinv

    wanted = wanted * (1 - np.minimum(_SLACK + _SLACK_BY_EXAMPLE * n, _MOST_SLACK))
    result = np.asarray(np.minimum(betainccinv(errors + 1, n - errors, wanted) * (1 + _ROUND_OFF), 1.0))
    tail = betaincc(errors + 1, n - errors, result)
    bad = ~((tail <= wanted) & (tail >= (1 - _TIGHT) * wanted))  # NaN is neither
    result[bad] = _halved(errors[bad], n[bad], wanted[bad])
    return result


def _halved(errors: Floats, n: Floats, wanted: Floats) -> Floats:
    from scipy.special import betaincc

    low, high = np.zeros_like(wanted), np.ones_like(wanted)
    for _ in range(_HALVINGS if wanted.size else 0):
        middle = (low + high) / 2
        below = betaincc(errors + 1, n - errors, middle) <= wanted
        low, high = np.where(below, low, middle), np.where(below, middle, high)
    return high
