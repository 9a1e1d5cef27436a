"""PACBAYES_MAG_INIT."""

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.searches import MAGNITUDE_EPS
from gengap.measures.searches.bounds import magnitude_noise_term
from gengap.measures.subject import Subject


@register(
    name="pacbayes_mag_init",
    formula="1/4 sum_i ln((eps^2 + (sigma'^2 + 1) ||w - w0||^2 / omega)"
    " / (eps^2 + sigma'^2 |w_i - w0_i|^2)) + ln(m / sigma') + 10",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 56",
    sign=1,
    needs=frozenset({"weights", "data", "initial", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def pacbayes_mag_init(subject: Subject) -> Finding:
    """Noise in proportion to each weight, and the distance from initialisation."""
    flat = subject.flatness
    return flat.finding(
        {"sigma": flat.magnitude_sigma},
        lambda sigma: magnitude_noise_term(flat.squared_distance, flat.moved, sigma, MAGNITUDE_EPS, subject.n),
    )
