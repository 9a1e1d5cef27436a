"""Steps to cross-entropy 0.1."""

from gengap.measures.finding import Finding, skipped
from gengap.measures.history import steps_until
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="steps_to_ce_0_1",
    formula="steps until the training cross-entropy is at most 0.1",
    source="Jiang et al. 2020 (arXiv:1912.02178), section 7",
    sign=1,
    needs=frozenset({"history"}),
    rescaling_invariant=True,
)
def steps_to_ce_0_1(subject: Subject) -> Finding:
    """As the history tells, at the end of an epoch."""
    steps = steps_until(subject.history or (), 0.1)
    return skipped("training never reached cross-entropy 0.1") if steps is None else Finding(float(steps))
