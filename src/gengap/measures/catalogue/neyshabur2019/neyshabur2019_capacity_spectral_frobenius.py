"""Capacity by spectral norms and distances."""

import math

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import data_norms, frobenius, initial_two_layer, spectral, two_layer
from gengap.measures.two_layer.capacity import DELTA, GAMMA, margin


@register(
    name="neyshabur2019_capacity_spectral_frobenius",
    formula="R^2 + 6 ln(2 m / delta), R = 336 s1 sqrt(ln(8 H)) max ||x||_2 sqrt(H (s2 d1)^2 + C (s1 d2)^2) / "
    "(sqrt(2) gamma), " + GAMMA,
    source="Neyshabur et al. 2019 (arXiv:1805.12076), the capacities that it plots; constants of the authors' code",
    sign=1,
    needs=frozenset({"weights", "data", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def neyshabur2019_capacity_spectral_frobenius(subject: Subject) -> float:
    """From the bound of Neyshabur et al. 2018: s spectral norms, d Frobenius distances from initialisation.

    Divided by m under a root it bounds the generalization gap. Of C classes and H hidden units; gamma is the 5th
    percentile of the training margins, delta 0.01. Norms leave biases out, as in the code.
    """
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    _, units, classes = net.shape
    s1, s2 = spectral(net.hidden), spectral(net.output)
    d1, d2 = frobenius(net.hidden - initial.hidden), frobenius(net.output - initial.output)
    mixed = math.sqrt(units * (s2 * d1) ** 2 + classes * (s1 * d2) ** 2)
    size = math.sqrt(math.log(8 * units) * subject.once(data_norms).largest_square)
    complexity = 336 * s1 * size * mixed / (math.sqrt(2) * margin(subject))
    return complexity**2 + 6 * math.log(2 * subject.n / DELTA)
