"""Product of group norms gamma_{1,inf}."""

import math

from gengap.measures.finding import Finding
from gengap.measures.path import group_norms
from gengap.measures.products import product
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="neyshabur2015_gamma_1_inf",
    formula="gamma_{1,inf} = prod over layers of ||W_i||_{1,inf}",
    source="Neyshabur et al. 2015, Norm-based capacity control (arXiv:1503.00036)",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=True,
)
def neyshabur2015_gamma_1_inf(subject: Subject) -> Finding:
    """Product over layers of the largest of their units' l1 norms; a unit is a row of a layer's matrix."""
    return product(group_norms(subject, 1, math.inf))
