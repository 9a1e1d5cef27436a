"""An upper bound on the VC dimension of a piecewise-linear network, read from its layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gengap.bounds.vc_bound import DecisionStep, vc_dimension_bound

if TYPE_CHECKING:
    from torch import nn


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
        InputError: The network is not piecewise linear, or that cannot be decided; the layer is named.

    >>> from torch import nn
    >>> round(vc_dimension(nn.Linear(2, 1), (2,)).value, 1)
    22.1
    """
    from gengap.bounds.decision_steps import decision_steps

    steps = tuple(decision_steps(model, tuple(input_shape)))
    parameters, total = steps[-1].parameters, sum(step.parameters for step in steps)
    units = sum(step.units for step in steps)
    return VCDimension(vc_dimension_bound(steps), parameters, units, total / parameters, steps)
