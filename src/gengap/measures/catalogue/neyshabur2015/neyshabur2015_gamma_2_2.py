"""Product of group norms gamma_{2,2}."""

from gengap.measures.finding import Finding
from gengap.measures.path import group_norms
from gengap.measures.products import product
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="neyshabur2015_gamma_2_2",
    formula="gamma_{2,2} = prod over layers of ||W_i||_{2,2}",
    source="Neyshabur et al. 2015, Norm-based capacity control (arXiv:1503.00036)",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def neyshabur2015_gamma_2_2(subject: Subject) -> Finding:
    """Product over layers of the l2 norm of their units' l2 norms; a unit is a row of a layer's matrix."""
    return product(group_norms(subject, 2, 2))
