"""PROD_OF_FRO."""

from gengap.measures.finding import Finding
from gengap.measures.products import frobenius_squares, product
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="prod_of_fro",
    formula="prod_i ||W_i||_F^2",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 37",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="log",
)
def prod_of_fro(subject: Subject) -> Finding:
    """Product of the squared Frobenius norms of all layers, batch norm folded."""
    return product(frobenius_squares(subject))
