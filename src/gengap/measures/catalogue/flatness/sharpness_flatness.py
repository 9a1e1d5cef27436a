"""SHARPNESS_FLATNESS."""

from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="sharpness_flatness",
    formula="1 / alpha^2",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 54",
    sign=1,
    needs=frozenset({"weights", "data", "search"}),
    rescaling_invariant=False,
    complexity="sqrt",
)
def sharpness_flatness(subject: Subject) -> Finding:
    """How small a box around the weights holds a perturbation that takes a tenth off the accuracy."""
    flat = subject.flatness
    return flat.finding({"alpha": flat.alpha}, lambda alpha: alpha**-2)
