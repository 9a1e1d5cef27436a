"""The exact binomial bound of Clopper and Pearson."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainccinv

from gengap.bounds.inputs import Floats, counts, level

_ROUND_OFF = 1e-12  # relative; larger than the error of SciPy's quantile


def clopper_pearson(errors: ArrayLike, n: ArrayLike, tried: ArrayLike = 1, delta: ArrayLike = 0.05) -> Floats:
    r"""The largest p for which at most ``errors`` errors still have probability ``delta / tried``; for 0-1 loss.

    It solves :math:`P(\mathrm{Bin}(n, p) \le k) = \delta / M`, which is the 1 - delta/M quantile of the Beta(k+1, n-k)
    distribution, and is 1 for k = n. The quantile is taken from its small upper tail, so that it stays exact for any
    number of models, and is raised by one part in 10^12, so that round-off can only enlarge the bound.

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
    quantile = betainccinv(errors + 1, np.maximum(n - errors, 0.5), level(tried, delta))
    return np.where(errors < n, np.minimum(quantile * (1 + _ROUND_OFF), 1.0), 1.0)
