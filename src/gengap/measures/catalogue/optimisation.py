"""How many steps training took, from its history."""

from collections.abc import Mapping, Sequence
from typing import Any

from gengap.measures.registry import register
from gengap.measures.subject import Subject
from gengap.measures.values import Finding, skipped


@register(
    name="steps_to_ce_0_1",
    formula="steps until the training cross-entropy is at most 0.1",
    source="Jiang et al. 2020 (arXiv:1912.02178), section 7",
    sign=1,
    needs=frozenset({"history"}),
    rescaling_invariant=True,
)
def steps_to_ce_0_1(subject: Subject) -> Finding:
    """By the history, at the end of an epoch."""
    steps = _steps_until(subject.history or (), 0.1)
    return skipped("training never reached cross-entropy 0.1") if steps is None else Finding(float(steps))


@register(
    name="steps_ce_0_1_to_0_01",
    formula="steps from the training cross-entropy's fall to 0.1 until that to 0.01",
    source="Jiang et al. 2020 (arXiv:1912.02178), section 7",
    sign=1,
    needs=frozenset({"history"}),
    rescaling_invariant=True,
)
def steps_ce_0_1_to_0_01(subject: Subject) -> Finding:
    """By the history, from the end of an epoch to that of another or, where one passes both, 0."""
    history = subject.history or ()
    first, last = _steps_until(history, 0.1), _steps_until(history, 0.01)
    if first is None or last is None:
        return skipped(f"training never reached cross-entropy {0.1 if first is None else 0.01}")
    return Finding(float(last - first))


def _steps_until(history: Sequence[Mapping[str, Any]], loss: float) -> int | None:
    """Steps at the end of the first epoch whose training cross-entropy is at most ``loss``; None where none is.

    Args:
        history: A record an epoch, in order, with ``steps`` so far and ``train_loss``, which may be None.
        loss: In nats.

    >>> _steps_until([{"steps": 5, "train_loss": 0.3}, {"steps": 10, "train_loss": 0.1}], 0.1)
    10
    """
    reached = (r["steps"] for r in history if r["train_loss"] is not None and r["train_loss"] <= loss)
    return next(reached, None)
