"""SPEC_ORIG_MAIN."""

from gengap.measures.finding import Finding
from gengap.measures.products import frobenius_squares, positive_margin
from gengap.measures.registry import register
from gengap.measures.spectral.squares import product_times_ratios, spectral_squares
from gengap.measures.subject import Subject


@register(
    name="spec_orig_main",
    formula="(prod_i ||W_i||_2^2) (sum_i ||W_i||_F^2 / ||W_i||_2^2) / gamma^2, W_i reshaped to a matrix",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 30",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def spec_orig_main(subject: Subject) -> Finding:
    """The main term of the bound by spectral norms, with distances from the origin."""
    squares = spectral_squares(subject, "matrix")
    return squares.told(product_times_ratios(frobenius_squares(subject), squares.values, positive_margin(subject)))
