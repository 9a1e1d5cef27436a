"""FRO_DIST."""

from gengap.measures.products import distance_squares
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="fro_dist",
    formula="sum_i ||W_i - W_i^0||_F^2",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 40",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def fro_dist(subject: Subject) -> float:
    """Sum of the squared Frobenius distances of all layers from initialisation.

    Batch norm is folded in both networks, each with its own statistics, as in the code of Dziugaite et al. 2020.
    """
    return sum(distance_squares(subject).values())
