"""Remark 6 of Kawaguchi et al. for a finite class, from the loss vectors of its models."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gengap.arguments import real_number, whole_number
from gengap.arrays import Floats
from gengap.bounds.inputs import level, unit_losses
from gengap.errors import InputError
from gengap.seeds import generator

_CHUNK = 64  # sign vectors at a time: bounds the memory, not the result


class RademacherBound(NamedTuple):
    """The bound for each model, and its parts: ``upper = risk + 2 (complexity + slack) + deviation``.

    Attributes:
        upper: Bounds, shape (M,), cut at 1.
        complexity: The empirical Rademacher complexity as estimated, at least 0.
        slack: What the estimate may miss by having finitely many draws.
        deviation: What the sample may deviate.
    """

    upper: Floats
    complexity: float
    slack: float
    deviation: float


def finite_class_rademacher(
    losses: ArrayLike, delta: float = 0.05, *, draws: int = 1000, seed: int = 0
) -> RademacherBound:
    r"""Upper bounds on the true risks of M models at once, from the Rademacher complexity of their loss vectors.

    :math:`R \le \hat R + 2 (\hat{\mathfrak R} + s) + 3 \sqrt{\ln(3/\delta)/(2N)}`, where
    :math:`\hat{\mathfrak R} = E_\sigma \max_f \frac1N \sum_i \sigma_i \ell_i(f)` is estimated from B draws of signs and
    :math:`s = \sqrt{2 \ln(3/\delta) / (N B)}` covers the estimate: one sign moves the mean of B maxima by 2/(NB) at
    most, so this is McDiarmid's inequality over all N B signs.

    Source: Kawaguchi et al. 2017, Remark 6, in its data-dependent form (Bartlett and Mendelson 2002; Mohri et al.,
    Theorem 3.3). Where we differ: the remark has the expected complexity, which nobody knows; with the empirical one
    McDiarmid is used twice, and once more for the draws: three events, each at delta/3.

    Args:
        losses: Losses in [0, 1], shape (M, N): models x examples. The models must not depend on these examples.
        delta: Probability that any of the M bounds fails, in (0, 1).
        draws: Number B of sign vectors, at least 1.
        seed: Seed of the signs.

    Raises:
        InputError: An argument is out of its range.
    """
    values = unit_losses(losses)
    if values.ndim != 2:
        raise InputError(f"losses have {values.ndim} axes.", expected="two: models x examples")
    draws = whole_number(draws, "draws")
    n = values.shape[1]
    logarithm = -float(np.log(level(3, delta)))
    complexity = _complexity(values, draws, seed)
    slack = float(np.sqrt(2 * logarithm / (n * draws)))
    deviation = 3 * float(np.sqrt(logarithm / (2 * n)))
    upper = np.minimum(values.mean(axis=1) + 2 * (complexity + slack) + deviation, 1.0)
    return RademacherBound(upper, complexity, slack, deviation)


def _complexity(values: Floats, draws: int, seed: int) -> float:
    """The mean over draws of the largest correlation of a loss vector with random signs."""
    distinct = np.unique(values, axis=0).astype(np.float32)
    signs = generator(seed, "rademacher")
    total = 0.0
    for start in range(0, draws, _CHUNK):
        shape = (distinct.shape[1], min(_CHUNK, draws - start))
        drawn = 2 * signs.integers(0, 2, shape).astype(np.float32) - 1
        total += float((distinct @ drawn).max(axis=0).sum())
    mean: float = total / (draws * values.shape[1])
    return max(mean, 0.0)


def rademacher_bound(risk: float, complexity: float, n: int, delta: float = 0.05) -> float:
    r"""What an empirical complexity promises: :math:`R \le \hat R + \hat{\mathfrak R} + 3 \sqrt{\ln(2/\delta)/(2n)}`.

    For +-1 functions and 0-1 loss, with probability 1 - delta over n independent examples; not cut at 1. With a lower
    estimate put in, it is the least that any promise made this way can come to.

    Source: Bartlett and Mendelson 2002; Mohri et al., Theorem 3.5.

    Args:
        risk: The error rate on the n training examples, in [0, 1].
        complexity: Empirical Rademacher complexity of the +-1 functions, in [0, 1].
        n: Examples, at least 1.
        delta: Probability of failure, in (0, 1).

    Raises:
        InputError: An argument is out of its range.

    >>> round(rademacher_bound(0.0, 1.0, 50_000), 3)
    1.018
    """
    n, risk = whole_number(n, "n"), real_number(risk, "risk", least=0, most=1)
    complexity = real_number(complexity, "complexity", least=0, most=1)
    return risk + complexity + 3 * math.sqrt(-math.log(float(level(2, delta))) / (2 * n))
