"""Winsorising, by the percentile."""

from collections.abc import Mapping

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
        lead="Cut off the extremes of each coordinate's gradients, and memorising stops before learning does.",
        alternative="One handle sets the percentile that is clipped; two curves show training and test accuracy over "
        "the epochs, with a dotted line at the share of labels that are right.",
        data={"noises": noises, "label": "Training and test accuracy by epoch"},
        sources=(f"{_STUDY} at {recorded[_STUDY].outcome.scale} scale: {recorded[_STUDY].place}.",),
    )
