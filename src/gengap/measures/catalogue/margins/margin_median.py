"""The median margin."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="margin_median",
    formula="median of f_y - max_{j != y} f_j over the training examples",
    source="Neyshabur et al. 2017 (arXiv:1706.08947), section 2",
    sign=-1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def margin_median(subject: Subject) -> float:
    """The median of the signed margins; the mean of the two in the middle of an even number."""
    return float(subject.pass_.margins.quantile(0.5))
