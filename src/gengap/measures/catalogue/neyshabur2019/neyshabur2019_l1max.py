"""Product of the largest l1 norms of units."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.two_layer import largest_row_l1, two_layer


@register(
    name="neyshabur2019_l1max",
    formula="||U||_{inf,1} ||V||_{inf,1}, the largest l1 norms of rows",
    source="Neyshabur et al. 2019 (arXiv:1805.12076), Table 1, row 2",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def neyshabur2019_l1max(subject: Subject) -> float:
    """Product of both layers' largest l1 norms of a row, by Bartlett and Mendelson 2002."""
    net = subject.once(two_layer)
    return largest_row_l1(net.hidden) * largest_row_l1(net.output)
