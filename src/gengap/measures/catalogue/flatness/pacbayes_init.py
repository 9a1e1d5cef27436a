"""PACBAYES_INIT."""

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.searches.bounds import noise_term
from gengap.measures.subject import Subject


@register(
    name="pacbayes_init",
    formula="||w - w0||^2 / (4 sigma^2) + ln(m / sigma) + 10",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 48",
    sign=1,
    needs=frozenset({"weights", "data", "initial", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def pacbayes_init(subject: Subject) -> Finding:
    """Noise on all weights, and their distance from initialisation."""
    flat = subject.flatness
    return flat.finding({"sigma": flat.sigma}, lambda sigma: noise_term(flat.squared_distance, sigma, subject.n))
