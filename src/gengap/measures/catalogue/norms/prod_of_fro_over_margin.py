"""PROD_OF_FRO_OVER_MARGIN."""

from gengap.measures.finding import Finding
from gengap.measures.products import frobenius_squares, positive_margin, product
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="prod_of_fro_over_margin",
    formula="prod_i ||W_i||_F^2 / gamma^2",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 36",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def prod_of_fro_over_margin(subject: Subject) -> Finding:
    """Product of the squared Frobenius norms over the squared 10th percentile gamma of the training margins."""
    return product(frobenius_squares(subject), margin=positive_margin(subject))
