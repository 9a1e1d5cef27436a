"""SUM_OF_FRO_OVER_MARGIN."""

from gengap.measures.finding import Finding
from gengap.measures.products import frobenius_squares, positive_margin, scaled_geometric_mean
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="sum_of_fro_over_margin",
    formula="d (prod_i ||W_i||_F^2 / gamma^2)^(1/d)",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 38",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def sum_of_fro_over_margin(subject: Subject) -> Finding:
    """As ``sum_of_fro``, with the squared 10th percentile gamma of the training margins under the root."""
    return scaled_geometric_mean(frobenius_squares(subject), margin=positive_margin(subject))
