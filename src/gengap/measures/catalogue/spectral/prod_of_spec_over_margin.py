"""PROD_OF_SPEC_OVER_MARGIN."""

from gengap.measures.finding import Finding
from gengap.measures.products import positive_margin, product
from gengap.measures.registry import register
from gengap.measures.spectral.squares import spectral_squares
from gengap.measures.subject import Subject


@register(
    name="prod_of_spec_over_margin",
    formula="prod_i ||W_i||_2^2 / gamma^2, W_i reshaped to a matrix",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 31",
    sign=1,
    needs=frozenset({"weights", "data"}),
    rescaling_invariant=True,
    complexity="log",
)
def prod_of_spec_over_margin(subject: Subject) -> Finding:
    """Product of the squared spectral norms over the squared 10th percentile gamma of the training margins."""
    squares = spectral_squares(subject, "matrix")
    return squares.told(product(squares.values, margin=positive_margin(subject)))
