"""L2_DIST."""

from gengap.measures.products import distance_squares
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="l2_dist",
    formula="||w - w^0||_2",
    source="Dziugaite et al. 2020 (arXiv:2010.11924), L2_DIST",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def l2_dist(subject: Subject) -> float:
    """Euclidean distance of all layers' weights, as one vector, from initialisation, batch norm folded in both."""
    return float(sum(distance_squares(subject).values()) ** 0.5)
