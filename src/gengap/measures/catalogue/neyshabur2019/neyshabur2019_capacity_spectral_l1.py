"""Capacity by spectral norms and sums of units' distances."""

import math

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import data_norms, frobenius, initial_two_layer, spectral, sum_of_row_l2, two_layer
from gengap.measures.two_layer.capacity import DELTA, GAMMA, margin


@register(
    name="neyshabur2019_capacity_spectral_l1",
    formula="(R + sqrt(4.5 ln(1/delta) + ln(2 m / gamma) + 2 ln(2 + sqrt(m X)) + 2 ln((2 + 2 d1) (2 + 2 d2) (2 + "
    "2 s1) (2 + 2 s2))))^2, R = 144 ln m ln(2 W) (sqrt(X) + 1/sqrt(m)) ((s2 r1)^(2/3) + (s1 r2)^(2/3))^(3/2) / gamma, "
    + GAMMA,
    source="Neyshabur et al. 2019 (arXiv:1805.12076), the capacities that it plots; constants of the authors' code",
    sign=1,
    needs=frozenset({"weights", "data", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def neyshabur2019_capacity_spectral_l1(subject: Subject) -> float:
    """From the bound of Bartlett et al. 2017: s spectral norms, d Frobenius distances, r sums of units' distances.

    Divided by m under a root it bounds the generalization gap. Of C classes and H hidden units; gamma is the 5th
    percentile of the training margins, delta 0.01. Norms leave biases out, as in the code.
    """
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    gamma, m, x = margin(subject), subject.n, subject.once(data_norms).mean_square
    moved = (net.hidden - initial.hidden, net.output - initial.output)
    norms = [spectral(net.hidden), spectral(net.output)]
    sums = [sum_of_row_l2(matrix) for matrix in moved]
    mixed = ((norms[1] * sums[0]) ** (2 / 3) + (norms[0] * sums[1]) ** (2 / 3)) ** 1.5
    size = math.sqrt(x) + 1 / math.sqrt(m)
    complexity = 144 * math.log(m) * math.log(2 * net.parameters) * size * mixed / gamma
    scales = sum(math.log(2 + 2 * value) for value in (*norms, *map(frobenius, moved)))
    rest = 4.5 * math.log(1 / DELTA) + math.log(2 * m / gamma) + 2 * math.log(2 + math.sqrt(m * x)) + 2 * scales
    return float((complexity + math.sqrt(max(rest, 0))) ** 2)
