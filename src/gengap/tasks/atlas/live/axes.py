"""Double descent with two axes."""

from collections.abc import Mapping
from typing import Any

from gengap.studies.evidence import Recorded
from gengap.tasks.atlas.live.piece import Piece

_STUDY = "curth2023/figure9"
# Method -> what is shown of it, and what its two axes add. One tree's error rate has no U; its loss has.
_AXES = {
    "random features": ("test_error", "features up to the number of examples", "features beyond it"),
    "trees": ("test_loss", "leaves of one tree", "trees to average"),
    "boosting": ("test_loss", "rounds of boosting", "ensembles to average"),
}


def axes(recorded: Mapping[str, Recorded]) -> Piece | None:
    """Test error against the counted and the effective number of parameters; None where no rows are recorded."""
    if _STUDY not in recorded:
        return None
    rows = [row for row in recorded[_STUDY].outcome.rows if row["status"] == "done" and row["seed"] == 0]
    methods = [
        {
            "name": name,
            "shown": "test error" if quantity == "test_error" else "squared test loss",
            "first": first,
            "second": second,
            "points": _points([row for row in rows if row["method"] == name], quantity),
        }
        for name, (quantity, first, second) in _AXES.items()
        if any(row["method"] == name for row in rows)
    ]
    if not methods:
        return None
    return Piece(
        name="axes",
        title="Double descent with two axes",
        lead="The second descent is a turn: counted otherwise, the curve goes back to fewer parameters.",
        alternative="A handle moves along the curve. Above, the test error or loss stands against the number of "
        "parameters, with a peak; below, against the effective number, where the same points turn back.",
        data={"methods": methods, "label": "Test error by number of parameters"},
        sources=(f"{_STUDY} at {recorded[_STUDY].outcome.scale} scale, seed 0: {recorded[_STUDY].place}.",),
        judged=recorded[_STUDY],
    )


def _points(rows: list[dict[str, Any]], quantity: str) -> list[dict[str, Any]]:
    """The points of a method in order of their counted parameters; the last one of the first axis is the turn."""
    ordered = sorted(rows, key=lambda row: (row["second"], row["first"]))
    least = ordered[0]["second"]
    points = [
        {
            "axis": 1 if row["second"] == least else 2,
            "parameters": row["parameters"],
            "effective": row["test_parameters"],
            "error": row[quantity],
            "turn": False,
        }
        for row in ordered
        if row["test_parameters"] and row["test_parameters"] > 0
    ]
    turns = [point for point in points if point["axis"] == 1]
    if turns:
        turns[-1]["turn"] = True
    return points
