"""The columns of the store's table that rows are filtered by, and how a filter becomes SQL."""

import json
import zlib
from collections.abc import Collection, Mapping
from typing import Any

Row = dict[str, Any]

# Filled in Python from the row when it is written: rows may hold the literals NaN and Infinity, which SQLite's own
# JSON functions refuse. ``status`` is a column too, with a constraint of its own.
FILTERS = ("problem", "model", "corruption", "level", "seed", "study")

# Stands for a value that SQLite cannot compare as Python does; such rows are compared in Python alone.
OTHER = b"\x00other"
_LARGEST = 2**63 - 1


def value_of(row: Mapping[str, Any], column: str) -> Any:
    """A row's value of a column; ``study`` is derived from ``kind``, which for studies is ``paper/artifact``.

    Raises:
        KeyError: The row has no such column.
    """
    if column == "study" and "study" not in row:
        kind = row["kind"]
        if not isinstance(kind, str) or "/" not in kind:
            raise KeyError(column)
        return kind
    return row[column]


def matches(row: Mapping[str, Any], where: Mapping[str, Collection[Any]]) -> bool:
    """Whether each column's value is among those wanted; a row without the column does not match."""
    try:
        return all(value_of(row, column) in wanted for column, wanted in where.items())
    except KeyError:
        return False


def filter_values(row: Mapping[str, Any]) -> list[Any]:
    """What is written into the columns of ``FILTERS``: NULL where the row has no value."""
    return [_stored(row, column) for column in FILTERS]


def condition(where: Mapping[str, Collection[Any]]) -> tuple[str, list[Any]]:
    """A WHERE clause that no matching row fails, with its parameters; ``matches`` decides about the rows it finds."""
    clauses, parameters = [], []
    for column, wanted in where.items():
        if column not in (*FILTERS, "status"):
            continue
        values = [_comparable(value) for value in wanted]
        known = [value for value in values if value not in (None, OTHER)]
        has_null = len([value for value in values if value is None]) > 0
        marks = ", ".join("?" * (len(known) + 1))
        clauses.append(f"({column} IN ({marks}){f' OR {column} IS NULL' * has_null})")
        parameters += [*known, OTHER]
    return " AND ".join(clauses) or "TRUE", parameters


def encoded(value: Any) -> str:
    """JSON text of a row or history; NumPy scalars become Python's.

    Raises:
        TypeError: A value that JSON cannot hold.
    """
    return json.dumps(value, default=_scalar)


def checksum(text: object) -> int | None:
    """CRC-32 of a text, by which damage to a stored row is noticed; None for what damage has made no text."""
    return zlib.crc32(text.encode("utf-8", "surrogateescape")) if isinstance(text, str) else None


def _stored(row: Mapping[str, Any], column: str) -> Any:
    try:
        return _comparable(value_of(row, column))
    except KeyError:
        return None


def _comparable(value: Any) -> Any:
    """What SQLite compares as Python does: finite numbers, text, None; ``OTHER`` for all else."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if value is None or (isinstance(value, int) and abs(value) <= _LARGEST):
        return value
    if isinstance(value, float) and abs(value) <= 1e300:
        return value
    if isinstance(value, str) and value.isascii():
        return value
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:  # a lone surrogate
            return OTHER
        return value
    return OTHER


def _scalar(value: Any) -> Any:
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    raise TypeError(f"A row cannot hold {type(value).__name__} {value!r}.")
