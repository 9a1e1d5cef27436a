"""VC dimension: an upper bound for piecewise-linear networks, and what a VC dimension promises."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gengap.bounds.inputs import level
from gengap.errors import InputError

if TYPE_CHECKING:
    from torch import nn

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


@dataclass(frozen=True)
class VCDimension:
    """An upper bound on a VC dimension, and what it was computed from.

    Attributes:
        value: The bound; a real number.
        parameters: W, all that are used; shared ones once.
        units: U, summed over the steps, for one example.
        mean_depth: L-bar, the mean over parameters of the number of steps that they take part in.
        steps: The decision steps in order.
    """

    value: float
    parameters: int
    units: int
    mean_depth: float
    steps: tuple[DecisionStep, ...]


def vc_dimension(model: "nn.Module", input_shape: Sequence[int]) -> VCDimension:
    r"""Upper bound on the VC dimension of a piecewise-linear network, from its layers at a given input size.

    :math:`L + \bar L W \log_2(4 e R \log_2(2 e R))` with :math:`R = \sum_{i=1}^L i U_i` and
    :math:`\bar L = \frac1W \sum_i W_i`.

    Source: Bartlett, Harvey, Liaw and Mehrabian 2019 (arXiv:1703.02930), the refined upper bound for piecewise-linear
    units, here for networks that are more than layers of single units; their proof counts polynomials, their
    variables and their degrees, so that it holds with this counting:

    - Shared weights count once in W_i; a convolution's units count at every output position in U_i.
    - A ReLU is one polynomial, a clamp with two kinks two; a maximum over k values is decided by its k (k - 1) / 2
      comparisons, without raising the degree, as pooling has no weights.
    - Batch normalisation in evaluation mode is an affine map of two parameters a channel, since its statistics
      were taken from the data as well.
    - One output is thresholded. With C > 1 outputs the class is that of the error indicators
      (x, y) -> 1[another class scores at least as high as y], decided by the signs of C - 1 differences of scores, so
      that U_L = C - 1. With two classes this is the usual VC dimension.

    Args:
        model: The network; it is called once on zeros, in the mode in which it is, so call ``eval()`` first.
        input_shape: Shape of one example.

    Raises:
        InputError: The network is not piecewise linear, or it cannot be told that it is; the layer is named.

    >>> from torch import nn
    >>> round(vc_dimension(nn.Linear(2, 1), (2,)).value, 1)
    22.1
    """
    from gengap.bounds.decision_steps import decision_steps

    steps = tuple(decision_steps(model, tuple(input_shape)))
    parameters, total = steps[-1].parameters, sum(step.parameters for step in steps)
    units = sum(step.units for step in steps)
    return VCDimension(vc_dimension_bound(steps), parameters, units, total / parameters, steps)


def vc_dimension_bound(steps: Sequence[DecisionStep]) -> float:
    """The formula of ``vc_dimension`` for given decision steps; see there."""
    weighted = sum(step.parameters for step in steps)
    R = max(sum(step.units * step.degree for step in steps), _SMALLEST_R)
    return len(steps) + weighted * math.log2(4 * math.e * R * math.log2(2 * math.e * R))


def vc_complexity(dimension: float, n: int) -> float:
    r"""Upper bound on the Rademacher complexity on n examples of a class of +-1 functions: at most 1.

    :math:`\sqrt{2 d \ln(en/d) / n}` where n >= d, else 1.

    Source: Sauer's lemma for the growth function, Massart's lemma for a finite class.
    """
    if n < 1 or not 0 < dimension < math.inf:
        raise InputError(f"VC dimension {dimension:g}, {n} examples.", expected="a positive dimension and n >= 1")
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
        risk: The error rate on the training examples.
        n: How many these are.
        dimension: VC dimension, or an upper bound on it.
        delta: Probability of failure, in (0, 1).

    Raises:
        InputError: An argument is out of its range.
    """
    if not risk >= 0:
        raise InputError(f"risk = {risk:g}.", expected="an error rate of at least 0")
    complexity = vc_complexity(dimension, n)
    return risk + complexity + math.sqrt(-math.log(float(level(1, delta))) / (2 * n))


def vc_examples_needed(dimension: float, gap: float = 1.0, delta: float = 0.05) -> int:
    """The number of examples from which on ``vc_bound`` exceeds the training error by less than ``gap``.

    Args:
        dimension: VC dimension, or an upper bound on it.
        gap: In (0, 1].
        delta: Probability of failure, in (0, 1).

    Raises:
        InputError: An argument is out of its range.
    """
    if not 0 < gap <= 1:
        raise InputError(f"gap = {gap:g}.", expected="a gap in (0, 1]")
    vc_complexity(dimension, 1)  # which checks it
    low, high = 0, max(1, math.ceil(dimension))
    while vc_bound(0.0, high, dimension, delta) >= gap:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if vc_bound(0.0, middle, dimension, delta) >= gap else (low, middle)
    return high
