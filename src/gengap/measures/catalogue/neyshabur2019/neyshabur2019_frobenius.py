"""Product of Frobenius norms."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import frobenius, two_layer


@register(
    name="neyshabur2019_frobenius",
    formula="||U||_F ||V||_F",
    source="Neyshabur et al. 2019 (arXiv:1805.12076), Table 1, row 3",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def neyshabur2019_frobenius(subject: Subject) -> float:
    """Product of both layers' Frobenius norms, by Neyshabur et al. 2015 and Golowich et al. 2018."""
    net = subject.once(two_layer)
    return frobenius(net.hidden) * frobenius(net.output)
