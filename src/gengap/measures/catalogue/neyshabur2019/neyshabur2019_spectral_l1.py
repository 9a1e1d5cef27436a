"""Spectral norms times sums of units' distances."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import initial_two_layer, spectral, sum_of_row_l2, two_layer


@register(
    name="neyshabur2019_spectral_l1",
    formula="||U||_2 ||V - V0||_{1,2} + ||U - U0||_{1,2} ||V||_2, with sums of l2 norms of rows",
    source="Neyshabur et al. 2019 (arXiv:1805.12076), Table 1, row 4",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
)
def neyshabur2019_spectral_l1(subject: Subject) -> float:
    """Spectral norms times distances from initialisation summed over units, by Bartlett et al. 2017."""
    net, initial = subject.once(two_layer), subject.once(initial_two_layer)
    moved = sum_of_row_l2(net.hidden - initial.hidden) * spectral(net.output)
    return spectral(net.hidden) * sum_of_row_l2(net.output - initial.output) + moved
