"""Guess which memorised: the reader against the measures."""

import csv
from pathlib import Path
from typing import Any

from gengap.tasks.atlas.live.piece import Piece

_FILE = Path("measures") / "measures.csv"
_SHOWN = ("l2", "l2_dist", "prod_of_spec", "path_norm", "inverse_margin", "fro_over_spec", "pacbayes_flatness")
_FEWEST = 3  # measures that make a round


def guess(results: Path | None) -> Piece | None:
    """Pairs of networks that fit all their labels, true and random; None where no measures are recorded."""
    if results is None or not (results / _FILE).exists():
        return None
    with (results / _FILE).open(newline="", encoding="utf-8") as file:
        rounds = _rounds(list(csv.DictReader(file)))
    if not rounds:
        return None
    return Piece(
        name="guess",
        title="Guess which memorised",
        lead="Two networks fit their training labels; one learned, one memorised. Can you tell them by their measures?",
        alternative="A table of measures of two networks A and B, and two buttons to say which of them memorised.",
        data={"rounds": rounds},
        sources=(f"docs/results/{_FILE.as_posix()}: 1,000 images of CIFAR-10, one seed; its README has the recipe.",),
    )


def _rounds(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """One round a network: each measure's value after true and after random labels, and whether it points right."""
    values = {
        (row["network"], row["name"], row["labels"]): (float(row["value"]), float(row["sign"]))
        for row in rows
        if row["status"] == "ok" and row["value"] and row["sign"]
    }
    names = sorted({name for _, name, _ in values}, key=lambda name: (name not in _SHOWN, name))
    rounds = []
    for network in dict.fromkeys(row["network"] for row in rows):
        measures = []
        for name in names:
            true, random = values.get((network, name, "true")), values.get((network, name, "random"))
            if true is None or random is None or true[0] == random[0]:
                continue
            right = (random[0] - true[0]) * true[1] > 0
            measures.append({"name": name, "learned": true[0], "memorised": random[0], "right": right})
        shown = [m for m in measures if m["name"] in _SHOWN] or measures[: len(_SHOWN)]
        if len(shown) >= _FEWEST:
            rounds.append({"network": network, "measures": shown})
    return rounds
