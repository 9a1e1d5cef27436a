"""Spectral norms times distances."""

import math

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import frobenius, initial_two_layer, spectral, two_layer


@register(
    name="neyshabur2019_spectral_frobenius",
    formula="||U||_2 ||V - V0||_F + sqrt(H) ||U - U0||_F ||V||_2",
    source="Neyshabur et al. 2019 (arXiv:1805.12076), Table 1, row 5",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
)
def neyshabur2019_spectral_frobenius(subject: Subject) -> float:
    """Spectral norms times Frobenius distances from initialisation, by Neyshabur et al. 2018."""
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    moved = math.sqrt(len(net.hidden)) * frobenius(net.hidden - initial.hidden) * spectral(net.output)
    return spectral(net.hidden) * frobenius(net.output - initial.output) + moved
