"""SPEC_ORIG_MAIN, of operators."""

from gengap.measures.finding import Finding
from gengap.measures.products import frobenius_squares, positive_margin
from gengap.measures.registry import register
from gengap.measures.spectral.squares import product_times_ratios, spectral_squares
from gengap.measures.subject import Subject


@register(
    name="spec_orig_main_operator",
    formula="(prod_i ||W_i||_2^2) (sum_i ||W_i||_F^2 / ||W_i||_2^2) / gamma^2, "
    "||.||_2 of the operator on its real input, ||.||_F of the kernel",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 30; operators as Sedghi et al. 2019 (arXiv:1805.10408)",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def spec_orig_main_operator(subject: Subject) -> Finding:
    """The main term of the bound by spectral norms, with distances from the origin.

    Of convolutions the norm is that of the operator on the input size that they have in this network, zero or
    other padding included: Sedghi et al. take a circular convolution in its place.
    """
    squares = spectral_squares(subject, "operator")
    return squares.told(product_times_ratios(frobenius_squares(subject), squares.values, positive_margin(subject)))
