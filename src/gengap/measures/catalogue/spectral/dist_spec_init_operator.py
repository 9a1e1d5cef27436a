"""DIST_SPEC_INIT, of operators."""

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.spectral.squares import distance_spectral_squares
from gengap.measures.subject import Subject


@register(
    name="dist_spec_init_operator",
    formula="sum_i ||W_i - W_i^0||_2^2, ||.||_2 of the operator on its real input",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 41; operators as Sedghi et al. 2019 (arXiv:1805.10408)",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def dist_spec_init_operator(subject: Subject) -> Finding:
    """Sum of the squared spectral norms of the layers' differences from initialisation.

    Of convolutions the norm is that of the operator on the input size that they have in this network, zero or
    other padding included: Sedghi et al. take a circular convolution in its place.
    """
    squares = distance_spectral_squares(subject, "operator")
    return squares.told(Finding(sum(squares.values.values())))
