"""Hoeffding's bound."""

import numpy as np
from numpy.typing import ArrayLike

from gengap.arrays import Floats
from gengap.bounds.inputs import counts, level


def hoeffding(errors: ArrayLike, n: ArrayLike, tried: ArrayLike = 1, delta: ArrayLike = 0.05) -> Floats:
    r"""Upper bound on true risk, for all models tried at once: :math:`\hat R + \sqrt{\ln(M/\delta) / (2n)}`.

    Source: Hoeffding 1963, Theorem 2, with a union bound over the M models tried; cut at 1.

    Args:
        errors: Number of errors, or the sum of losses that lie in [0, 1].
        n: Number of examples, at least 1.
        tried: Models compared on these examples, at least 1.
        delta: Probability that the bound fails for any of them, in (0, 1).

    Returns:
        float64 of the shape to which the arguments broadcast.

    Raises:
        InputError: An argument is out of its range.

    >>> round(float(hoeffding(30, 10_000)), 6)
    0.015239
    """
    errors, n = counts(errors, n)
    return np.minimum(errors / n + np.sqrt(-np.log(level(tried, delta)) / (2 * n)), 1.0)
