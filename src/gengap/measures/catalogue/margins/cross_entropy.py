"""The training loss."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="cross_entropy",
    formula="mean of -ln softmax(f)_y over the training examples, in nats",
    source="Jiang et al. 2020 (arXiv:1912.02178), section 4: where training stops",
    sign=1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def cross_entropy(subject: Subject) -> float:
    """The mean cross-entropy."""
    return float(subject.pass_.losses.mean())
