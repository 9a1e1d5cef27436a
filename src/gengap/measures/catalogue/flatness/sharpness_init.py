"""SHARPNESS_INIT."""

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.searches.bounds import sharpness_term
from gengap.measures.subject import Subject


@register(
    name="sharpness_init",
    formula="||w - w0||^2 ln(2 omega) / (4 alpha^2) + ln(m / sigma) + 10",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 51",
    sign=1,
    needs=frozenset({"weights", "data", "initial", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def sharpness_init(subject: Subject) -> Finding:
    """The worst perturbation of all weights, and their distance from initialisation; sigma is that of pacbayes_init."""
    flat = subject.flatness
    return flat.finding(
        {"alpha": flat.alpha, "sigma": flat.sigma},
        lambda alpha, sigma: sharpness_term(flat.squared_distance, flat.weights, alpha, sigma, subject.n),
    )
