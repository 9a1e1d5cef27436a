"""Capacity by l1 norms of units."""

import math

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import data_norms, largest_row_l1, two_layer
from gengap.measures.two_layer.capacity import GAMMA, margin, with_confidence


@register(
    name="neyshabur2019_capacity_l1max",
    formula="(R + 3 sqrt(ln(m / delta)))^2, R = 16 C ||U||_{inf,1} ||V||_{inf,1} sqrt(ln D) sqrt(mean "
    "||x||_inf^2) / gamma, " + GAMMA,
    source="Neyshabur et al. 2019 (arXiv:1805.12076), the capacities that it plots; constants of the authors' code",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def neyshabur2019_capacity_l1max(subject: Subject) -> float:
    """From the bound of Bartlett and Mendelson 2002, with the mean over examples of the squared largest entry.

    Divided by m under a root it bounds the generalization gap. Of C classes and H hidden units; gamma is the 5th
    percentile of the training margins, delta 0.01. Norms leave biases out, as in the code.
    """
    net = subject.once(two_layer)
    inputs, _, classes = net.shape
    norms = largest_row_l1(net.hidden) * largest_row_l1(net.output)
    size = math.sqrt(math.log(inputs) * subject.once(data_norms).mean_square_entry)
    return with_confidence(16 * classes * norms * size / margin(subject), subject.n)
