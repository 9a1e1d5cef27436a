"""PARAM_NORM."""

from gengap.measures.products import frobenius_squares
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="param_norm",
    formula="sum_i ||W_i||_F^2",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 42",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def param_norm(subject: Subject) -> float:
    """Sum of the squared Frobenius norms of all layers, batch norm folded."""
    return sum(frobenius_squares(subject).values())
