"""PACBAYES_MAG_FLATNESS."""

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="pacbayes_mag_flatness",
    formula="1 / sigma'^2",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 61",
    sign=1,
    needs=frozenset({"weights", "data", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def pacbayes_mag_flatness(subject: Subject) -> Finding:
    """How little noise in proportion to each weight takes a tenth off the accuracy."""
    flat = subject.flatness
    return flat.finding({"sigma": flat.magnitude_sigma}, lambda sigma: sigma**-2)
