"""DIST_SPEC_INIT."""

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.spectral.squares import distance_spectral_squares
from gengap.measures.subject import Subject


@register(
    name="dist_spec_init",
    formula="sum_i ||W_i - W_i^0||_2^2, W_i reshaped to a matrix",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 41",
    sign=1,
    needs=frozenset({"weights", "initial"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def dist_spec_init(subject: Subject) -> Finding:
    """Sum of the squared spectral norms of the layers' differences from initialisation."""
    squares = distance_spectral_squares(subject, "matrix")
    return squares.told(Finding(sum(squares.values.values())))
