"""The empirical Bernstein bound of Maurer and Pontil."""

import numpy as np
from numpy.typing import ArrayLike

from gengap.arrays import Floats
from gengap.bounds.inputs import counts, level, numbers
from gengap.errors import InputError


def empirical_bernstein(
    errors: ArrayLike,
    n: ArrayLike,
    tried: ArrayLike = 1,
    delta: ArrayLike = 0.05,
    *,
    variance: ArrayLike | None = None,
) -> Floats:
    r"""Upper bound on true risk that uses the losses' own variance V, for all models tried at once.

    :math:`\hat R + \sqrt{2 V \ln(2M/\delta) / n} + 7 \ln(2M/\delta) / (3(n-1))`.

    Source: Maurer and Pontil 2009, Theorem 4, with a union bound over the M models tried; cut at 1, and 1 for n = 1.

    Args:
        errors: Number of errors, or the sum of losses that lie in [0, 1].
        n: Number of examples, at least 1.
        tried: Models compared on these examples, at least 1.
        delta: Probability that the bound fails for any of them, in (0, 1).
        variance: Sample variance of the losses, with divisor n - 1; by default that of 0-1 losses, which the number
            of errors fixes.

    Returns:
        float64 of the shape to which the arguments broadcast.

    Raises:
        InputError: An argument is out of its range.

    >>> round(float(empirical_bernstein(30, 10_000)), 6)
    0.005346
    """
    errors, n = counts(errors, n)
    others = np.maximum(n - 1, 1)
    risk = errors / n
    spread = n / others * risk * (1 - risk) if variance is None else numbers("variance", variance)
    if not spread.size or not np.all(spread >= 0):
        raise InputError("variance is negative, or empty.", expected="a sample variance, at least 0")
    logarithm = np.log(2) - np.log(level(tried, delta))
    bound = risk + np.sqrt(2 * spread * logarithm / n) + 7 * logarithm / (3 * others)
    return np.where(n > 1, np.minimum(bound, 1.0), 1.0)
