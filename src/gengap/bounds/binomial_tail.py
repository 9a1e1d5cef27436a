"""The binomial tail solved for the probability: one number in plain Python, which needs no import of SciPy."""

import math

MOST_TRIALS = 10**9
_CLOSE = 1e-12  # relative: Newton's method converges quadratically, so nothing is left after a step as small
_CONVERGED = 1e-15  # relative: a few roundings, which is as close as the convergents of the fraction come
_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


def probability_at_tail(k: int, n: int, level: float) -> float:
    r"""The p with :math:`P(\mathrm{Bin}(n, p) \le k) = \mathrm{level}`, to a relative 8e-13.

    A level above 1/2 is taken from the other side, :math:`P(\mathrm{Bin}(n, 1-p) \le n-k-1) = 1 - \mathrm{level}`: the
    tail that is computed is always the smaller one.

    Args:
        k: Successes, at least 0 and below ``n``.
        n: Trials, at most 1e9; beyond, the continued fraction is slow at levels near 1/2.
        level: At least 1e-300 and below 1.

    >>> round(probability_at_tail(0, 100, 0.05), 12), round(1 - 0.05 ** (1 / 100), 12)
    (0.029513049607, 0.029513049607)
    """
    if level <= 0.5:
        return -math.expm1(-_exponent(k, n, level))
    return math.exp(-_exponent(n - k - 1, n, 1 - level))


def complement_at_tail(k: int, n: int, level: float) -> float:
    """1 - ``probability_at_tail(k, n, level)``, with as many digits where that is close to 1.

    >>> round(complement_at_tail(99, 100, 0.05) * 100, 4)  # 1 - 0.95 ** (1 / 100)
    0.0513
    """
    if level <= 0.5:
        return math.exp(-_exponent(k, n, level))
    return -math.expm1(-_exponent(n - k - 1, n, 1 - level))


def _exponent(k: int, n: int, level: float) -> float:
    """The exponent u = -ln(1 - p) for a level of at most 1/2; p near 0 and p near 1 lose no digits in it.

    The logarithm of the tail is a concave function of u with the slope -(n - k) / share, where share is the tail over
    P(Bin(n, p) = k). So Newton's method comes down to the root from above after the first step. For k = 0 it is -n u.
    """
    if k == 0:
        return -math.log(level) / n
    target = math.log(level)
    u, step = _start(k, n, -2 * target), math.inf
    while abs(step) > _CLOSE * u:
        share = _tail_over_last(k, n, u)
        step = (_log_last(k, n, u) + math.log(share) - target) * share / (n - k)
        u += step
    return u


def _start(k: int, n: int, z_squared: float) -> float:
    """Near the root: the upper limit of Wilson 1927, with -2 ln(level) for the square of the normal quantile."""
    spread = math.sqrt(z_squared * (k * (n - k) / n + z_squared / 4))
    return math.log(n * (n - k + z_squared / 2 + spread) / (n - k) ** 2)


def _log_last(k: int, n: int, u: float) -> float:
    """The logarithm of P(Bin(n, p) = k), the last term of the tail, without the cancellation of factorials.

    Source: Loader 2000, "Fast and accurate computation of binomial probabilities".
    """
    of_k, of_rest = math.log(-math.expm1(-u)) - math.log(k / n), math.log1p(k / (n - k)) - u
    factorials = _stirling_error(n) - _stirling_error(k) - _stirling_error(n - k)
    scale = 0.5 * math.log(n / (2 * math.pi * k * (n - k)))
    return factorials + scale - k * (math.expm1(of_k) - of_k) - (n - k) * (math.expm1(of_rest) - of_rest)


def _stirling_error(n: int) -> float:
    """ln(n!) less Stirling's formula (n + 1/2) ln n - n + ln(2 pi) / 2."""
    if n < 16:
        return math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - _HALF_LOG_TWO_PI
    s = 1 / n**2
    return (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s / 1188)))) / n


def _tail_over_last(k: int, n: int, u: float) -> float:
    """P(Bin(n, p) <= k) / P(Bin(n, p) = k), from the continued fraction of the incomplete beta function.

    Source: DiDonato and Morris 1992, algorithm 708, equation (9); evaluated by the modified method of Lentz.
    """
    a, b, x, p = n - k, k + 1, math.exp(-u), -math.expm1(-u)
    left = a * p - b * x + 1
    value = above = a * left / (a + 1)
    below, factor, m = 0.0, math.inf, 0
    while abs(factor - 1) > _CONVERGED:
        m += 1
        numerator = (a + m - 1) * (n + m) * m * (b - m) * (x / (a + 2 * m - 1)) ** 2
        term = m + m * (b - m) * x / (a + 2 * m - 1) + (a + m) * (left + m * (1 + p)) / (a + 2 * m + 1)
        below, above = 1 / (term + numerator * below), term + numerator / above
        factor = below * above
        value *= factor
    return a * p / value
