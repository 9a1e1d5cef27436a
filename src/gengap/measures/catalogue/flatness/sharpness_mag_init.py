"""SHARPNESS_MAG_INIT."""

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.searches import MAGNITUDE_EPS
from gengap.measures.searches.bounds import magnitude_sharpness_term
from gengap.measures.subject import Subject


@register(
    name="sharpness_mag_init",
    formula="1/4 sum_i ln((eps^2 + (alpha'^2 + 4 ln(2 omega / delta)) ||w - w0||^2 / omega)"
    " / (eps^2 + alpha'^2 |w_i - w0_i|^2)) + ln(m / alpha') + 10",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 58",
    sign=1,
    needs=frozenset({"weights", "data", "initial", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def sharpness_mag_init(subject: Subject) -> Finding:
    """The worst perturbation in proportion to each weight, and the distance from initialisation; delta is 0.1."""
    flat = subject.flatness
    return flat.finding(
        {"alpha": flat.magnitude_alpha},
        lambda alpha: magnitude_sharpness_term(flat.squared_distance, flat.moved, alpha, MAGNITUDE_EPS, subject.n),
    )
