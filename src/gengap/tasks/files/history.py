"""The history of one training, from a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gengap.data import read_frame, read_json
from gengap.errors import InputError

_EXPECTED = "a record an epoch, with steps so far and train_loss"


def read_history(path: str | Path) -> list[dict[str, Any]]:
    """A record an epoch, with ``steps`` so far and ``train_loss``, which is None where it was not measured.

    Args:
        path: A table with a line an epoch, as ``gengap runs export --history`` writes it; or JSON: a list of records,
            an object that has it under ``history``, or one that has such an object under ``rows``, as a report's
            ``report.json`` and ``gengap runs export --format json`` do.

    Raises:
        InputError: No such file, nothing like that in it, or more runs than one.
    """
    file = Path(path)
    runs = _runs_of_json(file) if file.suffix.lower() == ".json" else _runs_of_table(file)
    if len(runs) != 1:
        raise InputError(
            f"{file} holds the histories of {len(runs)} runs.",
            expected="that of one",
            next_step="keep that run's alone",
        )
    return [_record(file, record) for record in runs[0]]


def _runs_of_table(file: Path) -> list[list[Any]]:
    table = read_frame(file)
    parts = [part for _, part in table.groupby("key", sort=False)] if "key" in table else [table]
    return [part.astype(object).where(part.notna(), None).to_dict("records") for part in parts]


def _runs_of_json(file: Path) -> list[list[Any]]:
    document = read_json(file, _EXPECTED)
    if isinstance(document, Mapping):
        rows = document["rows"] if isinstance(document.get("rows"), list) else [document]
        return [row["history"] for row in rows if isinstance(row, Mapping) and isinstance(row.get("history"), list)]
    return [document] if isinstance(document, list) else []


def _record(file: Path, record: Any) -> dict[str, Any]:
    steps, loss = (record.get(name) if isinstance(record, Mapping) else None for name in ("steps", "train_loss"))
    if not _number(steps) or not (loss is None or _number(loss)):
        raise InputError(f"{file} holds {record!s:.80} where a record should be.", expected=_EXPECTED)
    return dict(record)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
