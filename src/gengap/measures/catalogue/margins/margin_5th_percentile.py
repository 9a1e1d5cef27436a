"""The margin below which a twentieth of the training examples lie."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.network.passes import low_margin


@register(
    name="margin_5th_percentile",
    formula="the 5th percentile of f_y - max_{j != y} f_j: the value of rank m // 20 from below, where the authors' "
    "code interpolates",
    source="Neyshabur et al. 2019 (arXiv:1805.12076), section 5, whose margin this is",
    sign=-1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def margin_5th_percentile(subject: Subject) -> float:
    """With its sign; rank m // 20 from below."""
    return low_margin(subject.pass_.margins, 5)
