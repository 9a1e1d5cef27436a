"""How long a network takes to overfit, from the histories of its rows."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from gengap.studies.study import Row

# The paper says "time to overfit" and no more. Its ratios are whole epochs over 10 (Inception), 31 and 28, and its
# Figure 1a has a training loss of 0.058 after 9 and 0.047 after 10 epochs on true labels, of 0.065 and 0.024 after 35
# and 36 on random ones: this threshold fits all of that.
OVERFIT_LOSS = 0.05


def epochs_to_overfit(history: Sequence[Mapping[str, Any]]) -> int | None:
    """The first epoch at whose end the training loss is below 0.05, else None."""
    losses = ((record["epoch"], record["train_loss"]) for record in history)
    return next((epoch for epoch, loss in losses if loss is not None and loss < OVERFIT_LOSS), None)


def with_overfit_times(rows: Sequence[Row]) -> list[Row]:
    """The rows with the time to overfit, in epochs and relative to true labels, by loss and by accuracy.

    The new columns are ``epochs_to_overfit`` and ``relative_time`` (training loss below 0.05 at an epoch's end), and
    ``relative_time_to_fit`` (training accuracy at least 0.99). Relative is to the mean over the seeds of the same
    model at level 0, all of which must have got there. Columns of the same names and ``_reason`` say why one is None.
    """
    timed = [row | {"epochs_to_overfit": epochs_to_overfit(row["history"])} for row in rows]
    return [row | _relative(row, timed) for row in timed]


def _relative(row: Row, rows: Sequence[Row]) -> Row:
    base = [r for r in rows if (r["model"], r["corruption"], r["level"]) == (row["model"], "labels", 0.0)]
    added: Row = {"epochs_to_overfit_reason": _not_reached(row, "epochs_to_overfit")}
    for name, epochs in (("relative_time", "epochs_to_overfit"), ("relative_time_to_fit", "epochs_to_fit")):
        times = [r[epochs] for r in base if r.get(epochs) is not None]
        reason = _not_reached(row, epochs)
        if not reason and (not times or len(times) < len(base)):
            reason = "the true labels, which it is relative to, were not overfitted"
        added |= {name: None if reason else row[epochs] / mean(times), f"{name}_reason": reason}
    return added


def _not_reached(row: Row, epochs: str) -> str | None:
    if row.get(epochs) is not None:
        return None
    history = row["history"]
    if not history:
        return row["reason"] or "it was not trained"
    last = history[-1]
    reached = (
        f"a loss of {last['train_loss']:.3g}" if epochs == "epochs_to_overfit" else f"{last['train_accuracy']:.2%}"
    )
    return f"training ended with {reached} after {last['epoch']} epochs"
