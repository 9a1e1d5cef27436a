"""INVERSE_MARGIN."""

from gengap.measures.evaluation import low_margin
from gengap.measures.finding import Finding
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="inverse_margin",
    formula="1 / gamma^2, gamma the 10th percentile of f_y - max_{j != y} f_j",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 22",
    sign=1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
    complexity="sqrt",
)
def inverse_margin(subject: Subject) -> Finding:
    """Null where gamma is not above 0: the network gets a tenth of its training examples wrong."""
    gamma = low_margin(subject.pass_.margins, 10)
    if gamma <= 0:
        return Finding(None, "skipped", f"the 10th percentile of the margins is {gamma:.3g}", details={"gamma": gamma})
    return Finding(gamma**-2, details={"gamma": gamma})
