"""What became of each measure of the catalogue on trial: a small table that ships beside it.

``gengap trial`` makes the table, ``records.json``; see ``gengap.ranking.trial`` for what it measures.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

FILE = Path(__file__).with_name("records.json")
Verdict = Literal["follows", "blind", "opposes", "constant", "no value"]
WORDS: dict[Verdict, str] = {
    "follows": "follows the gap",
    "blind": "is blind to the gap",
    "opposes": "runs against the gap",
    "constant": "is constant",
    "no value": "has no value",
}
MOVES = 1.0  # of what networks of different gaps differ by: beyond it a harmless change counts as much as the gap


@dataclass(frozen=True)
class Record:
    """How one measure fared on trial.

    Attributes:
        name: The measure.
        verdict: Whether it orders networks trained on ever more random labels as their gaps do, by its sign:
            ``follows``, ``blind`` (not distinguishable from a permuted measure), ``opposes``, ``constant`` (one
            value on all of them), or ``no value``.
        tau: Kendall's tau-b of its value times its sign with the gap over these networks; None without a value.
        null: The absolute tau that 95 % of permuted measures stay below; None where the measure is constant.
        networks: How many of these networks have a value.
        moves: Harmless change -> how far it moves the measure: the median absolute change over that between networks
            whose labels were corrupted at different levels. 0: it stays; 1: as far as these differ; None: it moves,
            though these do not differ. A change is left out where there is no value.
    """

    name: str
    verdict: Verdict
    tau: float | None
    null: float | None
    networks: int
    moves: Mapping[str, float | None]

    @property
    def fragile(self) -> tuple[str, ...]:
        """The harmless changes that move it as far as, or farther than, networks of different gaps differ."""
        return tuple(change for change, ratio in self.moves.items() if ratio is None or ratio >= MOVES)

    @property
    def sentence(self) -> str:
        """The record in a phrase or two, for a table's cell.

        >>> Record("m", "follows", 0.8, 0.3, 20, {"another seed": 0.2, "rescaled layers": 3.0}).sentence
        'follows the gap as labels are corrupted (tau 0.80); moved as far by: rescaled layers'
        """
        tau = "" if self.tau is None else f" (tau {self.tau:.2f})"
        if self.verdict == "no value":
            return "has no value on the networks of the trial"
        if self.verdict == "constant":
            return "is constant on the networks of the trial, and orders nothing"
        text = f"{WORDS[self.verdict]} as labels are corrupted{tau}"
        if not self.moves:
            return text
        return f"{text}; moved as far by: {', '.join(self.fragile) or 'no harmless change that was tried'}"


def record(name: str) -> Record | None:
    """The record of a measure of the catalogue; None for one that was never on trial, such as a user's own."""
    entry = _table()["measures"].get(name)
    return None if entry is None else Record(name, **entry)


def record_provenance() -> Mapping[str, Any]:
    """How the table was made: command, versions, date, networks and data; empty where there is no table."""
    found: Mapping[str, Any] = _table()["provenance"]
    return found


@cache
def _table() -> dict[str, Any]:
    if not FILE.is_file():
        return {"provenance": {}, "measures": {}}
    table: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return table
