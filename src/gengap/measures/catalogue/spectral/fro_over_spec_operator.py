"""FRO_OVER_SPEC, of operators."""

from gengap.measures.finding import Finding
from gengap.measures.products import frobenius_squares
from gengap.measures.registry import register
from gengap.measures.spectral.squares import spectral_squares, sum_of_ratios
from gengap.measures.subject import Subject


@register(
    name="fro_over_spec_operator",
    formula="sum_i ||W_i||_F^2 / ||W_i||_2^2, ||.||_2 of the operator on its real input, ||.||_F of the kernel",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 33; operators as Sedghi et al. 2019 (arXiv:1805.10408)",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def fro_over_spec_operator(subject: Subject) -> Finding:
    """Sum of the layers' stable ranks.

    Of convolutions the norm is that of the operator on the input size that they have in this network, zero or
    other padding included: Sedghi et al. take a circular convolution in its place.
    """
    squares = spectral_squares(subject, "operator")
    return squares.told(Finding(sum_of_ratios(frobenius_squares(subject), squares.values)))
