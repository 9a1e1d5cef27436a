"""Group norm mu_{2,2}."""

import math

from gengap.measures.path import group_norms
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="neyshabur2015_mu_2_2",
    formula="mu_{2,2} = sqrt(sum of all squared weights)",
    source="Neyshabur et al. 2015, Norm-based capacity control (arXiv:1503.00036)",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def neyshabur2015_mu_2_2(subject: Subject) -> float:
    """Of all units' l2 norms the l2 norm; a unit is a row of a layer's matrix, batch norm folded, biases left out."""
    return math.hypot(*group_norms(subject, 2, 2).values())
