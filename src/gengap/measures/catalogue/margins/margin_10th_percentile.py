"""The margin below which a tenth of the training examples lie."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.network.passes import low_margin


@register(
    name="margin_10th_percentile",
    formula="gamma: the 10th percentile of f_y - max_{j != y} f_j",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 22, whose gamma this is",
    sign=-1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def margin_10th_percentile(subject: Subject) -> float:
    """With its sign; rank m // 10 from below."""
    return low_margin(subject.pass_.margins, 10)
