"""SUM_OF_SPEC_OVER_MARGIN, of operators."""

from gengap.measures.finding import Finding
from gengap.measures.products import positive_margin, scaled_geometric_mean
from gengap.measures.registry import register
from gengap.measures.spectral.squares import spectral_squares
from gengap.measures.subject import Subject


@register(
    name="sum_of_spec_over_margin_operator",
    formula="d (prod_i ||W_i||_2^2 / gamma^2)^(1/d), ||.||_2 of the operator on its real input",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 34; operators as Sedghi et al. 2019 (arXiv:1805.10408)",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def sum_of_spec_over_margin_operator(subject: Subject) -> Finding:
    """The same sum, of a network whose margin gamma is scaled to one.

    Of convolutions the norm is that of the operator on the input size that they have in this network, zero or
    other padding included: Sedghi et al. take a circular convolution in its place.
    """
    squares = spectral_squares(subject, "operator")
    return squares.told(scaled_geometric_mean(squares.values, margin=positive_margin(subject)))
