"""Distance of the hidden layer from initialisation times size of the output layer."""

import math

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import frobenius, initial_two_layer, spectral, two_layer


@register(
    name="neyshabur2019_distance",
    formula="||U0||_2 ||V||_F + ||U - U0||_F ||V||_F + sqrt(H)",
    source="Neyshabur et al. 2019 (arXiv:1805.12076), Table 1, row 6",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
)
def neyshabur2019_distance(subject: Subject) -> Finding:
    """The paper's own measure, of its Theorem 2; its plots leave out sqrt(H), which is in the details."""
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    units = math.sqrt(len(net.hidden))
    norms = (spectral(initial.hidden) + frobenius(net.hidden - initial.hidden)) * frobenius(net.output)
    return Finding(norms + units, details={"without_sqrt_h": norms})
