"""FRO_OVER_SPEC."""

from gengap.measures.finding import Finding
from gengap.measures.products import frobenius_squares
from gengap.measures.registry import register
from gengap.measures.spectral.squares import spectral_squares, sum_of_ratios
from gengap.measures.subject import Subject


@register(
    name="fro_over_spec",
    formula="sum_i ||W_i||_F^2 / ||W_i||_2^2, W_i reshaped to a matrix",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 33",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def fro_over_spec(subject: Subject) -> Finding:
    """Sum of the layers' stable ranks."""
    squares = spectral_squares(subject, "matrix")
    return squares.told(Finding(sum_of_ratios(frobenius_squares(subject), squares.values)))
