"""Rows of a study of which some are lost: whatever is left, its claim is judged or left open, and nothing is raised."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from gengap.studies import Outcome

Row = dict[str, Any]


def subsets(rows: Sequence[Row], fields: Sequence[str]) -> Iterator[tuple[str, list[Row]]]:
    """None of the rows; and for each value of each field of a configuration all others, and those alone."""
    yield "no rows", []
    for field in fields:
        for value in dict.fromkeys(row[field] for row in rows if field in row):
            yield f"without {field} = {value}", [row for row in rows if row.get(field) != value]
            yield f"only {field} = {value}", [row for row in rows if row.get(field) == value]


def check_each(outcome: Outcome) -> None:
    """Judges what is left, and nothing of an empty grid."""
    fields = list(asdict(outcome.study.sweep(outcome.scale)[0]))
    for lost, rows in subsets(outcome.rows, fields):
        try:
            parts = Outcome(outcome.study, outcome.scale, rows).claim_parts()
        except Exception as error:
            raise AssertionError(f"{outcome.study.name}, {lost}: {error!r}") from error
        assert parts, lost
        if not rows:
            assert {part.finding for part in parts} == {"cannot be judged"}, lost
