"""The mean margin."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="margin_mean",
    formula="mean of f_y - max_{j != y} f_j over the training examples",
    source="Neyshabur et al. 2017 (arXiv:1706.08947), section 2",
    sign=-1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def margin_mean(subject: Subject) -> float:
    """The mean of the signed margins."""
    return float(subject.pass_.margins.mean())
