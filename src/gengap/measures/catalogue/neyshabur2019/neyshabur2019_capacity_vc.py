"""Capacity by the VC dimension."""

import math

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import two_layer
from gengap.measures.two_layer.capacity import DELTA


@register(
    name="neyshabur2019_capacity_vc",
    formula="8 C VC ln(e max(m / VC, 1)) + 8 ln(2 / delta), VC = 2 + W log2(8 e (H + 2 C) log2(4 e (H + 2 C))) "
    "(2 (D + 1) H + (H + 1) C) / ((D + 1) H + (H + 1) C)",
    source="Neyshabur et al. 2019 (arXiv:1805.12076), the capacities that it plots; constants of the authors' code",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def neyshabur2019_capacity_vc(subject: Subject) -> float:
    """From the VC dimension by Harvey et al. 2017, of W parameters with biases and D inputs.

    Divided by m under a root it bounds the generalization gap. Of C classes and H hidden units; delta is 0.01.
    """
    net = subject.once(two_layer)
    inputs, units, classes = net.shape
    hidden, output = (inputs + 1) * units, (units + 1) * classes
    pieces = 4 * math.e * (units + 2 * classes)
    vc = 2 + net.parameters * math.log2(2 * pieces * math.log2(pieces)) * (2 * hidden + output) / (hidden + output)
    return 8 * classes * vc * math.log(math.e * max(subject.n / vc, 1)) + 8 * math.log(2 / DELTA)
