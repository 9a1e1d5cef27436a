"""SUM_OF_FRO."""

from gengap.measures.finding import Finding
from gengap.measures.products import frobenius_squares, scaled_geometric_mean
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="sum_of_fro",
    formula="d (prod_i ||W_i||_F^2)^(1/d)",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 39",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="log",
)
def sum_of_fro(subject: Subject) -> Finding:
    """The least sum of squared Frobenius norms that rescaling d homogeneous layers can reach; by its geometric mean."""
    return scaled_geometric_mean(frobenius_squares(subject))
