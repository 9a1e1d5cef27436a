"""PROD_OF_SPEC."""

from gengap.measures.finding import Finding
from gengap.measures.products import product
from gengap.measures.registry import register
from gengap.measures.spectral.squares import spectral_squares
from gengap.measures.subject import Subject


@register(
    name="prod_of_spec",
    formula="prod_i ||W_i||_2^2, W_i reshaped to a matrix",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 32",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
    complexity="log",
)
def prod_of_spec(subject: Subject) -> Finding:
    """Product of the squared spectral norms of all layers, batch norm folded."""
    squares = spectral_squares(subject, "matrix")
    return squares.told(product(squares.values))
