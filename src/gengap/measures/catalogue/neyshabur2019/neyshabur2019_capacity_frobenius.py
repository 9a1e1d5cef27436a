"""Capacity by Frobenius norms."""

import math

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import data_norms, frobenius, two_layer
from gengap.measures.two_layer.capacity import GAMMA, margin, with_confidence


@register(
    name="neyshabur2019_capacity_frobenius",
    formula="(R + 3 sqrt(ln(m / delta)))^2, R = 8 sqrt(C) ||U||_F ||V||_F sqrt(mean ||x||_2^2) / gamma, " + GAMMA,
    source="Neyshabur et al. 2019 (arXiv:1805.12076), the capacities that it plots; constants of the authors' code",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def neyshabur2019_capacity_frobenius(subject: Subject) -> float:
    """From the bound of Neyshabur et al. 2015.

    Divided by m under a root it bounds the generalization gap. Of C classes and H hidden units; gamma is the 5th
    percentile of the training margins, delta 0.01. Norms leave biases out, as in the code.
    """
    net = subject.once(two_layer)
    norms = frobenius(net.hidden) * frobenius(net.output)
    size = math.sqrt(subject.once(data_norms).mean_square)
    return with_confidence(8 * math.sqrt(len(net.output)) * norms * size / margin(subject), subject.n)
