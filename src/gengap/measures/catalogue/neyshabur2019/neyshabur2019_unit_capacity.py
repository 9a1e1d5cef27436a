"""Mean unit capacity."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import initial_two_layer, two_layer


@register(
    name="neyshabur2019_unit_capacity",
    formula="mean over hidden units i of ||u_i - u_i^0||_2",
    source="Neyshabur et al. 2019 (arXiv:1805.12076), section 2",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
)
def neyshabur2019_unit_capacity(subject: Subject) -> float:
    """How far the weights into a hidden unit have moved, on average."""
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    return float((net.hidden - initial.hidden).norm(dim=1).mean())
