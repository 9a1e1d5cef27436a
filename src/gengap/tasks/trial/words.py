"""A trial in words."""

from collections.abc import Sequence

from gengap.measures import Record
from gengap.ranking.trial import Trial

COUNTED = {
    "follows": "follow the gap",
    "blind": "are blind to it",
    "opposes": "run against it",
    "no value": "have none",
}


def sentence(records: Sequence[Record]) -> str:
    """How a measure fared, or how many fared how."""
    if len(records) == 1:
        return f"{records[0].name} {records[0].sentence}."
    counts = {verdict: sum(record.verdict == verdict for record in records) for verdict in COUNTED}
    parts = [f"{count} {COUNTED[verdict]}" for verdict, count in counts.items() if count]
    firm = sum(record.verdict == "follows" and not record.fragile for record in records)
    return (
        f"Of {len(records)} measures, {', '.join(parts)} as labels are corrupted; {firm} follow it and are moved by no "
        "harmless change as far as by the gap."
    )


def cautions(trial: Trial) -> list[str]:
    """What limits the conclusions, each in a sentence."""
    found = [
        "The networks are perceptrons of two hidden layers of 64 units on at most 400 examples: another architecture "
        "or data set may decide otherwise.",
        "Following the gap from true to random labels is easy: it is a large change, always in the same direction. A "
        "ranking over hyperparameters (gengap rank) asks more.",
        "How far a rescaling moves a measure depends on its factor, which is 2 here.",
    ]
    moved = [change for change, ratio in trial.gap.moves.items() if ratio is not None and ratio > 0.2]
    if moved:
        found.append(f"The gap itself moves by more than a fifth of its spread under {', '.join(moved)}.")
    missing = [record.name for record in trial.records if 0 < record.networks < max(r.networks for r in trial.records)]
    if missing:
        found.append(f"On some networks {', '.join(missing)} have no value; these are left out.")
    return found


def move_text(ratio: float | None) -> str:
    """A move for people.

    >>> move_text(0.0), move_text(1e-9), move_text(0.123), move_text(4.0), move_text(None)
    ('0', '0', '0.12', '4.0', 'moves')
    """
    if ratio is None:
        return "moves"
    return "0" if ratio < 0.005 else f"{ratio:.2f}" if ratio < 1 else f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}"
