"""Rows of a study of which some are lost or damaged: its claim is judged or left open, and nothing is raised."""

import math
import random
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


def damaged(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """For each column the rows with a cell gone, None or, where it is a number, NaN; and words for what was done."""
    for column in dict.fromkeys(name for row in rows for name in row):
        having = [k for k, row in enumerate(rows) if row.get(column) is not None]
        for k in having[-1:]:
            others = [*rows[:k], *rows[k + 1 :]]
            yield f"{column} of row {k} gone", [*others, {n: v for n, v in rows[k].items() if n != column}]
            yield f"{column} of row {k} None", [*others, rows[k] | {column: None}]
            if isinstance(rows[k][column], float):
                yield f"{column} of row {k} NaN", [*others, rows[k] | {column: math.nan}]


def with_other_rows(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """The same rows in other orders, and each of them twice."""
    yield "reversed", list(reversed(rows))
    yield "shuffled", random.Random(0).sample(list(rows), len(rows))
    yield "twice", [*rows, *(dict(row) for row in rows)]
