"""PACBAYES_ORIG."""

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.searches.bounds import noise_term
from gengap.measures.subject import Subject


@register(
    name="pacbayes_orig",
    formula="||w||^2 / (4 sigma^2) + ln(m / sigma) + 10",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 49",
    sign=1,
    needs=frozenset({"weights", "data", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def pacbayes_orig(subject: Subject) -> Finding:
    """Noise on all weights, and their distance from the origin."""
    flat = subject.flatness
    return flat.finding({"sigma": flat.sigma}, lambda sigma: noise_term(flat.squared_norm, sigma, subject.n))
