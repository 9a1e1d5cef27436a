"""l2 path norm."""

from gengap.measures.finding import Finding
from gengap.measures.path import path_finding
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="neyshabur2015_path_l2",
    formula="phi_2 = sqrt(sum over paths of prod w^2)",
    source="Neyshabur et al. 2015, Norm-based capacity control (arXiv:1503.00036)",
    sign=1,
    needs=frozenset({}),
    rescaling_invariant=True,
)
def neyshabur2015_path_l2(subject: Subject) -> Finding:
    """Root of the path norm; biases start paths, batch norm is folded."""
    return path_finding(subject, 2, root=2)
