"""Steps from cross-entropy 0.1 to 0.01."""

from gengap.measures.finding import Finding, skipped
from gengap.measures.history import steps_until
from gengap.measures.registry import register
from gengap.measures.subject import Subject


@register(
    name="steps_ce_0_1_to_0_01",
    formula="steps from the training cross-entropy's fall to 0.1 until that to 0.01",
    source="Jiang et al. 2020 (arXiv:1912.02178), section 7",
    sign=1,
    needs=frozenset({"history"}),
    rescaling_invariant=True,
)
def steps_ce_0_1_to_0_01(subject: Subject) -> Finding:
    """As the history tells, from the end of an epoch to that of another or, where one passes both, 0."""
    history = subject.history or ()
    first, last = steps_until(history, 0.1), steps_until(history, 0.01)
    if first is None or last is None:
        return skipped(f"training never reached cross-entropy {0.1 if first is None else 0.01}")
    return Finding(float(last - first))
