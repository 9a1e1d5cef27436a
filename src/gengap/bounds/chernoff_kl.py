"""The Chernoff bound with the binary relative entropy, inverted numerically."""

import numpy as np
from numpy.typing import ArrayLike

from gengap.arrays import Floats
from gengap.bounds.inputs import counts, level

_HALVINGS = 60
_SMALLEST = np.finfo(np.float64).tiny
_ROUND_OFF = 4e-15  # larger than the error of kl(q, p) in float64


def chernoff_kl(errors: ArrayLike, n: ArrayLike, tried: ArrayLike = 1, delta: ArrayLike = 0.05) -> Floats:
    r"""The largest p with :math:`\mathrm{kl}(\hat R \,\|\, p) \le \ln(M/\delta) / n`: an upper bound on true risk.

    kl(q || p) = q ln(q/p) + (1-q) ln((1-q)/(1-p)) is the binary relative entropy in nats. The root is enclosed by 60
    halvings between the empirical risk and Hoeffding's bound (Pinsker's inequality), and the upper end is returned,
    for a right-hand side raised by 4e-15: round-off can only enlarge the bound.

    Source: Chernoff 1952; Hoeffding 1963, equation (2.1), for losses anywhere in [0, 1]. Union bound over the models.

    Args:
        errors: Number of errors, or the sum of losses that lie in [0, 1].
        n: Number of examples, at least 1.
        tried: Models compared on these examples, at least 1.
        delta: Probability that the bound fails for any of them, in (0, 1).

    Returns:
        float64 of the shape to which the arguments broadcast.

    Raises:
        InputError: An argument is out of its range.

    With no error the root is 1 - (delta/M)^(1/n):

    >>> round(float(chernoff_kl(0, 100)), 6), round(1 - 0.05 ** (1 / 100), 6)
    (0.029513, 0.029513)
    """
    errors, n = counts(errors, n)
    allowed = -np.log(level(tried, delta)) / n + _ROUND_OFF
    low, allowed = np.broadcast_arrays(errors / n, allowed)
    risk, high = low, np.minimum(low + np.sqrt(allowed / 2), 1.0)
    rest = 1 - risk
    one, other = np.maximum(risk, _SMALLEST), np.maximum(rest, _SMALLEST)  # so that 0 ln 0 is 0
    with np.errstate(divide="ignore", invalid="ignore"):  # at p = 1
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            inside = risk * np.log(one / middle) + rest * np.log(other / (1 - middle)) <= allowed
            if risk.ndim == 0:  # a branch is some times faster than where for one number
                low, high = (middle, high) if inside else (low, middle)
            else:
                low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return np.asarray(high)
