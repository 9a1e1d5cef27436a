"""INVERSE_MARGIN."""

import math

from gengap.measures.finding import Finding, from_log
from gengap.measures.products import positive_margin
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
    """Skipped where gamma is not above 0: the network gets a tenth of its training examples wrong."""
    gamma = positive_margin(subject)
    return from_log(-2 * math.log(gamma), details={"gamma": gamma})
