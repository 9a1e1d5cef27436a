"""Mean unit impact."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import two_layer


@register(
    name="neyshabur2019_unit_impact",
    formula="mean over hidden units i of ||v_i||_2, v_i the weights out of it",
    source="Neyshabur et al. 2019 (arXiv:1805.12076), section 2",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def neyshabur2019_unit_impact(subject: Subject) -> float:
    """How large the weights out of a hidden unit are, on average."""
    net = subject.once(two_layer)
    return float(net.output.norm(dim=0).mean())
