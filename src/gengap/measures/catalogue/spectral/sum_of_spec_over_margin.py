"""SUM_OF_SPEC_OVER_MARGIN."""

from gengap.measures.finding import Finding
from gengap.measures.products import positive_margin, scaled_geometric_mean
from gengap.measures.registry import register
from gengap.measures.spectral.squares import spectral_squares
from gengap.measures.subject import Subject


@register(
    name="sum_of_spec_over_margin",
    formula="d (prod_i ||W_i||_2^2 / gamma^2)^(1/d), W_i reshaped to a matrix",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 34",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def sum_of_spec_over_margin(subject: Subject) -> Finding:
    """The same sum, of a network whose margin gamma is scaled to one."""
    squares = spectral_squares(subject, "matrix")
    return squares.told(scaled_geometric_mean(squares.values, margin=positive_margin(subject)))
