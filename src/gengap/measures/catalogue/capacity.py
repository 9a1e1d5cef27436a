"""Counts of parameters, and a bound by the VC dimension."""

import math

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.values import Finding, NotDefined

DELTA = 0.01  # probability with which the bound may fail


@register(
    name="vc",
    formula="(4000 sqrt(d log2(6 d n)^3 sum_i k_i^2 c_i c_(i-1)) + sqrt(ln(1 / delta)))^2",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 19",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def vc(subject: Subject) -> Finding:
    """The VC dimension's bound on the gap, squared and times m, with probability 1 - delta = 0.99.

    d is the number of layers, n the longer side of an image in pixels, k_i a kernel's side, c_i channels; the sum is
    the number of weights. An example that is no image counts as one pixel with a channel for each value, n = 1.
    """
    if subject.problem.vocabulary is not None:
        raise NotDefined("for images and vectors; the inputs are tokens")
    d, weights = len(subject.layers), sum(layer.weight.numel() for layer in subject.layers)
    side = max(subject.input_shape[1:], default=1)
    root = 4000 * math.sqrt(d * math.log2(6 * d * side) ** 3 * weights) + math.sqrt(math.log(1 / DELTA))
    return Finding(root**2, details={"delta": DELTA, "depth": d, "input_side": side, "weights": weights})


@register(
    name="params",
    formula="number of weights of all layers",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 20, as counted by Dziugaite et al. 2020 (arXiv:2010.11924)",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def params(subject: Subject) -> Finding:
    """Number of weights; equation 20 counts a bias for each channel too: that number is in ``details``."""
    weights = sum(layer.weight.numel() for layer in subject.layers)
    biases = sum(layer.bias.numel() for layer in subject.layers if layer.bias is not None)
    return Finding(float(weights), details={"weights_and_biases": weights + biases})


@register(
    name="all_params",
    formula="number of all parameters",
    source="the network itself",
    sign=1,
    needs=frozenset({"parameters"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def all_params(subject: Subject) -> float:
    """Number of parameters of any kind, biases and norms' vectors too; shared ones count once.

    Of a layer with a parametrization, such as weight norm, those count from which its weight is computed.
    """
    return float(sum(parameter.numel() for parameter in subject.network.parameters()))
