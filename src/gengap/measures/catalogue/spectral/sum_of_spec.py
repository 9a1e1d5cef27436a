"""SUM_OF_SPEC."""

from gengap.measures.finding import Finding
from gengap.measures.products import scaled_geometric_mean
from gengap.measures.registry import register
from gengap.measures.spectral.squares import spectral_squares
from gengap.measures.subject import Subject


@register(
    name="sum_of_spec",
    formula="d (prod_i ||W_i||_2^2)^(1/d), W_i reshaped to a matrix",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 35",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="log",
)
def sum_of_spec(subject: Subject) -> Finding:
    """The least sum of squared spectral norms that rescaling d homogeneous layers can reach."""
    squares = spectral_squares(subject, "matrix")
    return squares.told(scaled_geometric_mean(squares.values))
