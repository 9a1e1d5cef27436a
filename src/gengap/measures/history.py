"""What a history of training tells of its speed."""

from collections.abc import Mapping, Sequence
from typing import Any


def steps_until(history: Sequence[Mapping[str, Any]], loss: float) -> int | None:
    """Steps at the end of the first epoch whose training cross-entropy is at most ``loss``; None where none is.

    Args:
        history: A record an epoch, in order, with ``steps`` so far and ``train_loss``, which may be None.
        loss: In nats.

    >>> steps_until([{"steps": 5, "train_loss": 0.3}, {"steps": 10, "train_loss": 0.1}], 0.1)
    10
    """
    reached = (r["steps"] for r in history if r["train_loss"] is not None and r["train_loss"] <= loss)
    return next(reached, None)
