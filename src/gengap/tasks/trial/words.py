"""A trial in words."""

from gengap.ranking.trial import Trial

COUNTED = {  # of one measure, of several
    "follows": ("follows the gap", "follow the gap"),
    "blind": ("is blind to it", "are blind to it"),
    "opposes": ("runs against it", "run against it"),
    "constant": ("is constant", "are constant"),
    "no value": ("has no value", "have no value"),
}
MOST_REASONS = 10  # measures of a trial up to which each without a value is named with its reason


def sentence(trial: Trial) -> str:
    """How a measure fared, or how many fared how."""
    records = trial.records
    if len(records) == 1:
        reason = trial.reasons.get(records[0].name) if records[0].verdict == "no value" else None
        because = f": {reason}" if reason else ""
        return f"{records[0].name} {records[0].sentence}{because}."
    if trial.failed:
        return f"None of {len(records)} measures has a value on the networks of the trial: nothing is known of them."
    counts = {verdict: sum(record.verdict == verdict for record in records) for verdict in COUNTED}
    parts = [f"{n} {COUNTED[verdict][n > 1]}" for verdict, n in counts.items() if n]
    firm = sum(record.verdict == "follows" and not record.fragile for record in records)
    unmoved = "1 follows it and is" if firm == 1 else f"{firm} follow it and are"
    return (
        f"Of {len(records)} measures, {', '.join(parts)} as labels are corrupted; {unmoved} moved by no harmless "
        "change as far as by the gap."
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
    found += [
        f"{record.name} has no value: {trial.reasons[record.name]}."
        for record in (trial.records[:MOST_REASONS] if trial.failed or len(trial.records) <= MOST_REASONS else ())
        if record.verdict == "no value" and record.name in trial.reasons
    ]
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
