"""Group norm mu_{1,inf}."""

import math

from gengap.measures.path import group_norms
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="neyshabur2015_mu_1_inf",
    formula="mu_{1,inf} = max over units of sum_j |w_j|",
    source="Neyshabur et al. 2015, Norm-based capacity control (arXiv:1503.00036)",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def neyshabur2015_mu_1_inf(subject: Subject) -> float:
    """Of all units' l1 norms the largest; a unit is a row of a layer's matrix, batch norm folded, biases left out."""
    return max(group_norms(subject, 1, math.inf).values())
