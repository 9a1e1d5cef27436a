"""Winsorising, by the percentile."""

from collections.abc import Mapping, Sequence
from typing import Any

from gengap.studies.evidence import Recorded
from gengap.tasks.atlas.live.piece import Piece

_STUDY = "chatterjee2020/winsorized"


def winsorising(recorded: Mapping[str, Recorded]) -> Piece | None:
    """Accuracy over training for each noise and percentile; None where no rows are recorded."""
    if _STUDY not in recorded:
        return None
    rows = [row for row in recorded[_STUDY].outcome.rows if row["status"] == "done" and row["seed"] == 0]
    noises = [
        {
            "noise": noise,
            "runs": [
                {
                    "c": row["c"],
                    "wrong": row["corrupt_accuracy"],
                    "train": [point["train_accuracy"] for point in row["history"]],
                    "test": [point["test_accuracy"] for point in row["history"]],
                }
                for row in sorted(rows, key=lambda row: float(row["c"]))
                if row["noise"] == noise
            ],
        }
        for noise in sorted({row["noise"] for row in rows})
    ]
    if not noises:
        return None
    return Piece(
        name="winsorising",
        title="Winsorising: no example alone",
        lead=_lead(noises),
        alternative="One handle sets the percentile that is clipped; two curves show training and test accuracy over "
        "the epochs, with a dotted line at the share of labels that are right.",
        data={"noises": noises, "label": "Training and test accuracy by epoch"},
        sources=(f"{_STUDY} at {recorded[_STUDY].outcome.scale} scale: {recorded[_STUDY].place}.",),
        judged=recorded[_STUDY],
    )


def _lead(noises: Sequence[Mapping[str, Any]]) -> str:
    """What clipping most does to memorising and to test accuracy, at the least noise that has wrong labels."""
    what = "Cut off the extremes of each coordinate's gradients"
    chosen = next((each for each in noises if all(run["wrong"] is not None for run in each["runs"])), None)
    if chosen is None or len(chosen["runs"]) < 2:
        return f"{what}: what happens to memorising, and what to learning?"
    free, clipped = chosen["runs"][0], chosen["runs"][-1]
    return (
        f"{what}. With {chosen['noise']:.0%} of the labels redrawn, {clipped['wrong']:.1%} of the wrong ones are "
        f"memorised at c = {clipped['c']:g}, against {free['wrong']:.1%} at c = {free['c']:g}; the test accuracy ends "
        f"at {clipped['test'][-1]:.1%}, against {free['test'][-1]:.1%}."
    )
