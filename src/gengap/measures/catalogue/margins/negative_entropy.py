"""Minus the entropy of the outputs."""

from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="negative_entropy",
    formula="mean over the training examples of sum_j p_j ln p_j, p = softmax(f), in nats",
    source="Jiang et al. 2020 (arXiv:1912.02178), equation 21",
    sign=1,
    needs=frozenset({"data"}),
    rescaling_invariant=True,
)
def negative_entropy(subject: Subject) -> float:
    """From -ln C, no confidence, to 0, all of it."""
    log_p = subject.pass_.logits.log_softmax(1)
    return float((log_p.exp() * log_p).sum(1).mean())
