"""L2."""

from gengap.measures.products import frobenius_squares
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="l2",
    formula="||w||_2",
    source="Dziugaite et al. 2020 (arXiv:2010.11924), L2",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def l2(subject: Subject) -> float:
    """Euclidean norm of all layers' weights as one vector, batch norm folded."""
    return float(sum(frobenius_squares(subject).values()) ** 0.5)
