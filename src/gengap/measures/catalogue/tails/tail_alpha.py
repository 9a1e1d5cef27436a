"""Exponent of the spectrum's tail."""

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.spectral.tails import exponent, mean_over_layers
from gengap.measures.subject import Subject


@register(
    name="tail_alpha",
    formula="alpha, of the tail x^-alpha of the squared singular values, mean over layers",
    source="Martin and Mahoney 2021 (arXiv:1810.01075); fit of Clauset et al. 2009 (arXiv:0706.1062)",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def tail_alpha(subject: Subject) -> Finding:
    """Exponent of the power law that fits the tail of a layer's spectrum; about 2 to 6 in well-trained networks."""
    return mean_over_layers(subject, exponent, of_tail=True)
