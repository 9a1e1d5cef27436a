"""From decision steps to a VC dimension, and what a VC dimension promises: complexity, bound, number of examples."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from gengap.arguments import real_number, shown, whole_number
from gengap.bounds.inputs import level
from gengap.errors import InputError

_SMALLEST_R = 3  # the theorem's last step needs 2 e R >= 16; a larger R only raises the bound


class DecisionStep(NamedTuple):
    """One layer at which the sign of polynomials in the parameters decides what the network computes.

    Attributes:
        parameters: Number of parameters up to and in this layer (the theorem's W_i).
        units: Number of polynomials whose signs are taken for one example (its U_i).
        degree: Their degree in the parameters (its i).
    """

    parameters: int
    units: int
    degree: int


def vc_dimension_bound(steps: Sequence[DecisionStep]) -> float:
    """The formula of ``vc_dimension`` for given decision steps; see there.

    Args:
        steps: At least one, in order.

    Raises:
        InputError: There is none, or one of its numbers is no whole number or below 1 (units and degree: below 0).
    """
    if not isinstance(steps, Sequence) or not steps or not all(isinstance(step, DecisionStep) for step in steps):
        raise InputError(f"The decision steps are {shown(steps)}.", expected="at least one DecisionStep")
    steps = [
        DecisionStep(
            whole_number(step.parameters, "parameters of a decision step"),
            whole_number(step.units, "units of a decision step", least=0),
            whole_number(step.degree, "degree of a decision step", least=0),
        )
        for step in steps
    ]
    weighted = sum(step.parameters for step in steps)
    R = max(sum(step.units * step.degree for step in steps), _SMALLEST_R)
    return len(steps) + weighted * math.log2(4 * math.e * R * math.log2(2 * math.e * R))


def vc_complexity(dimension: float, n: int) -> float:
    r"""Upper bound on the Rademacher complexity on n examples of a class of +-1 functions: at most 1.

    :math:`\sqrt{2 d \ln(en/d) / n}` where n >= d, else 1.

    Source: Sauer's lemma for the growth function, Massart's lemma for a finite class.

    Args:
        dimension: VC dimension, or an upper bound on it, above 0.
        n: Examples, at least 1.

    Raises:
        InputError: An argument is out of its range.

    >>> vc_complexity(10, 5)
    1.0
    """
    n, dimension = whole_number(n, "n"), real_number(dimension, "dimension", above=0)
    if n < dimension:
        return 1.0
    return min(1.0, math.sqrt(2 * dimension * math.log(math.e * n / dimension) / n))


def vc_bound(risk: float, n: int, dimension: float, delta: float = 0.05) -> float:
    r"""What a VC dimension promises: :math:`R \le \hat R + \mathfrak R + \sqrt{\ln(1/\delta) / (2n)}`, not cut at 1.

    With probability 1 - delta over n independent training examples, for every function of the class; the complexity
    is ``vc_complexity``. A value of 1 or more promises nothing.

    Source: Bartlett and Mendelson 2002; Mohri et al., Corollary 3.9, for 0-1 loss. The class of error
    indicators of more than two classes has half the complexity of the +-1 class that they make when doubled and
    centred, so that the same bound holds.

    Args:
        risk: The error rate on the training examples, in [0, 1].
        n: How many these are, at least 1.
        dimension: VC dimension, or an upper bound on it, above 0.
        delta: Probability of failure, in (0, 1).

    Raises:
        InputError: An argument is out of its range.
    """
    risk, n = real_number(risk, "risk", least=0, most=1), whole_number(n, "n")
    complexity = vc_complexity(dimension, n)
    return risk + complexity + math.sqrt(-math.log(float(level(1, delta))) / (2 * n))


def vc_examples_needed(dimension: float, gap: float = 1.0, delta: float = 0.05) -> int:
    """The number of examples from which on ``vc_bound`` exceeds the training error by less than ``gap``.

    Args:
        dimension: VC dimension, or an upper bound on it, from 1e-100 to 1e50.
        gap: In (0, 1], at least 1e-100.
        delta: Probability of failure, in (0, 1).

    Raises:
        InputError: An argument is out of its range.
    """
    gap = real_number(gap, "gap", least=1e-100, most=1)
    dimension = real_number(dimension, "dimension", least=1e-100, most=1e50)
    low, high = 0, max(1, math.ceil(dimension))
    while vc_bound(0.0, high, dimension, delta) >= gap:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if vc_bound(0.0, middle, dimension, delta) >= gap else (low, middle)
    return high
