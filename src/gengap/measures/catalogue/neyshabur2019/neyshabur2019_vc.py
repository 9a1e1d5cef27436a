"""Inputs times hidden units."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import two_layer


@register(
    name="neyshabur2019_vc",
    formula="D H, for D inputs and H hidden units",
    source="Neyshabur et al. 2019 (arXiv:1805.12076), Table 1, row 1",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def neyshabur2019_vc(subject: Subject) -> float:
    """What the VC dimension of one hidden layer of ReLUs grows with, by Harvey et al. 2017."""
    inputs, units, _ = subject.once(two_layer).shape
    return float(inputs * units)
