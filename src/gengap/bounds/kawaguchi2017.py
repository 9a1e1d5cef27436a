"""Proposition 5 of Kawaguchi, Kaelbling and Bengio, "Generalization in deep learning" (2017, 1710.05468)."""

import numpy as np
from numpy.typing import ArrayLike

from gengap.arguments import real_number
from gengap.arrays import Floats
from gengap.bounds.inputs import counts, level


def kawaguchi2017_gap(
    n: ArrayLike, tried: ArrayLike = 1, delta: ArrayLike = 0.05, *, C: float = 1.0, gamma_squared: float = 1.0
) -> Floats:
    r"""The gap of Proposition 5: :math:`2 C \ln(M/\delta) / (3 n) + \sqrt{2 \gamma^2 \ln(M/\delta) / n}`.

    Source: Kawaguchi et al. 2017, Proposition 5, as printed. The paper's own figure, 6.94 % for a billion models
    and 10,000 examples at delta 0.1, has C = 1 and gamma^2 = 1, which hold for every loss in [0, 1]. (For 0-1 loss
    gamma^2 = 1/4 would hold as well and give 3.55 %; the figure of the paper is kept.)

    Args:
        n: Number of validation examples, at least 1.
        tried: Number of models in F_val, chosen independently of the validation examples.
        delta: Probability that the bound fails for any of them, in (0, 1).
        C: A bound on \|R[f] - loss\|.
        gamma_squared: A bound on the expected square of R[f] - loss.

    Returns:
        float64 of the shape to which the arguments broadcast; not cut, so that it can be set beside the paper.

    Raises:
        InputError: An argument is out of its range.

    >>> round(float(kawaguchi2017_gap(10_000, 1e9, 0.1)), 4)
    0.0694
    """
    C, gamma_squared = real_number(C, "C", least=0), real_number(gamma_squared, "gamma_squared", least=0)
    _, n = counts(0, n)
    logarithm = -np.log(level(tried, delta))
    return np.asarray(2 * C * logarithm / (3 * n) + np.sqrt(2 * gamma_squared * logarithm / n))


def kawaguchi2017_prop5(
    errors: ArrayLike,
    n: ArrayLike,
    tried: ArrayLike = 1,
    delta: ArrayLike = 0.05,
    *,
    C: float = 1.0,
    gamma_squared: float = 1.0,
) -> Floats:
    """Proposition 5's upper bound on true risk: the empirical risk plus ``kawaguchi2017_gap``.

    Source: Kawaguchi et al. 2017, Proposition 5, as printed; not cut at 1.

    Args:
        errors: Number of errors, or the sum of losses that lie in [0, 1].
        n: Number of validation examples, at least 1.
        tried: Models compared on these examples, at least 1.
        delta: Probability that the bound fails for any of them, in (0, 1).
        C: As for ``kawaguchi2017_gap``.
        gamma_squared: As for ``kawaguchi2017_gap``.

    Returns:
        float64 of the shape to which the arguments broadcast.

    Raises:
        InputError: An argument is out of its range.
    """
    errors, n = counts(errors, n)
    return np.asarray(errors / n + kawaguchi2017_gap(n, tried, delta, C=C, gamma_squared=gamma_squared))
