"""Capacity by distance from initialisation."""

import math

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import data_norms, frobenius, initial_activation, initial_two_layer, two_layer
from gengap.measures.two_layer.capacity import DELTA, GAMMA, margin


@register(
    name="neyshabur2019_capacity_distance",
    formula="(R + 3 sqrt(5 H + ln(max(1, gamma sqrt(m)) / delta)))^2, R = 3 sqrt(2) (sqrt(2 C) + 1) (||V||_F + "
    "1) (sqrt(mean ||[U0 x + b0]_+||^2) + ||U - U0||_F sqrt(mean ||x||_2^2) + 1) / gamma, " + GAMMA,
    source="Neyshabur et al. 2019 (arXiv:1805.12076), the capacities that it plots; constants of the authors' code",
    sign=1,
    needs=frozenset({"weights", "data", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def neyshabur2019_capacity_distance(subject: Subject) -> float:
    """The paper's own: the hidden layer's distance from initialisation and what it computed there.

    Divided by m under a root it bounds the generalization gap. Of C classes and H hidden units; gamma is the 5th
    percentile of the training margins, delta 0.01. Norms leave biases out, as in the code.
    """
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    gamma, m = margin(subject), subject.n
    _, units, classes = net.shape
    moved = frobenius(net.hidden - initial.hidden) * math.sqrt(subject.once(data_norms).mean_square)
    start = math.sqrt(initial_activation(subject))
    factor = 3 * math.sqrt(2) * (math.sqrt(2 * classes) + 1) * (frobenius(net.output) + 1)
    confidence = 5 * units + math.log(max(1, gamma * math.sqrt(m)) / DELTA)
    return (factor * (start + moved + 1) / gamma + 3 * math.sqrt(confidence)) ** 2
