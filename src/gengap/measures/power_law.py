"""The power law that fits the tail of a sample."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

_ROUNDING = 1e-6  # mean of ln(x_i / x_min) that values equal but for their rounding in float32 may have


class PowerLaw(NamedTuple):
    """A density proportional to x^-alpha from ``start`` on.

    Attributes:
        alpha: The exponent, above 1.
        start: Where the tail starts: the smallest value that belongs to it.
        distance: Kolmogorov-Smirnov distance of the tail from the law.
        size: Number of values in the tail.
    """

    alpha: float
    start: float
    distance: float
    size: int


def power_law(values: ArrayLike) -> PowerLaw | None:
    r"""The power law whose distance from the tail of a sample is least, over all starts of the tail.

    For each value :math:`x_{\min}` the exponent of the n values from it on is the one of maximum likelihood,
    :math:`\alpha = 1 + n / \sum \ln(x_i / x_{\min})`; the start is the one whose Kolmogorov-Smirnov distance is least.

    Source: Clauset, Shalizi and Newman 2009 (arXiv:0706.1062), equation 3.1 and section 3.3. As in their program and
    in WeightWatcher, the distance is taken at the values themselves, where the empirical distribution of the n values
    goes 0, 1/n, … (n - 1)/n.

    Args:
        values: At least one, all above 0.

    Returns:
        None where no two values differ by more than the rounding of float32.
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    logs = np.log(x)
    best = None
    for i in range(len(x) - 1):
        if i and x[i] == x[i - 1]:  # its tail starts at the first of equal values
            continue
        above = logs[i:] - logs[i]
        n, total = len(above), above.sum()
        if total <= _ROUNDING * n:
            break
        distance = float(np.abs(1 - np.exp(-n / total * above) - np.arange(n) / n).max())
        if best is None or distance < best.distance:
            best = PowerLaw(float(1 + n / total), float(x[i]), distance, n)
    return best
