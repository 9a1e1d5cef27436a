"""``gengap runs``: what is stored."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from gengap.cli.answer import print_json
from gengap.cli.table import print_table
from gengap.errors import InputError, unknown
from gengap.store import STATUSES, Row, Store
from gengap.terminal import say

app = typer.Typer()

# Column of a row -> heading of the list; a key's beginning serves ``rm``.
_LISTED = {
    "key": "key",
    "status": "status",
    "problem": "problem",
    "corruption": "corruption",
    "level": "level",
    "model": "model",
    "seed": "seed",
    "train_accuracy": "train",
    "test_accuracy": "test",
}
_SHORT_KEY = 12

_Filter = Annotated[str, typer.Option(help="Only these, separated by commas.", show_default=False)]
_File = Annotated[
    Path | None,
    typer.Option("--store", help="File that rows are kept in. Default: in GENGAP_HOME.", show_default=False),
]
_Status = Annotated[str, typer.Option(help=f"Only these of {', '.join(STATUSES)}.", show_default=False)]


class Format(StrEnum):
    """What runs are exported as."""

    csv = "csv"
    parquet = "parquet"
    json = "json"


@app.command("list")
def list_runs(
    status: _Status = "",
    problem: _Filter = "",
    model: _Filter = "",
    corruption: _Filter = "",
    study: _Filter = "",
    file: _File = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document with every column but history.")] = False,
) -> None:
    """List stored runs, the newest last."""
    where = _where(status=status, problem=problem, model=model, corruption=corruption, study=study)
    with _store(file) as store:
        rows = list(store.records(history=False, **where))
        if as_json:
            print_json({"store": str(store.path), "rows": rows})
        else:
            _show(rows, store)


@app.command("export")
def export_runs(
    form: Annotated[
        Format | None,
        typer.Option(
            "--format", help="csv and parquet: a line a run; json: with history. If not given: as --out ends, else csv."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file; standard output when left out.", show_default=False)
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="A line for each epoch of each run.")] = False,
    status: _Status = "",
    problem: _Filter = "",
    model: _Filter = "",
    corruption: _Filter = "",
    study: _Filter = "",
    file: _File = None,
) -> None:
    """Export stored runs as CSV, Parquet or JSON."""
    where = _where(status=status, problem=problem, model=model, corruption=corruption, study=study)
    if form is None:
        form = _form_of(out)
    if form is Format.parquet and out is None:
        raise InputError("Parquet is no text to print.", next_step="name a file with --out")
    with _store(file) as store:
        rows = list(store.records(history=history or form is Format.json, **where))
    if history:
        rows = [{"key": row["key"], **epoch} for row in rows for epoch in row["history"]]
    content = _encode(rows, form)
    if out is None:
        sys.stdout.write(content.decode())
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        raise InputError(f"Cannot write {out}: {error.strerror}.", next_step="name another file with --out") from error
    say(f"{len(rows)} {'epochs' if history else 'runs'} written to {out}", err=True)


@app.command("rm")
def remove_runs(
    keys: Annotated[list[str] | None, typer.Argument(help="Keys, or unique beginnings of keys.")] = None,
    status: _Status = "",
    everything: Annotated[bool, typer.Option("--all", help="Every stored run.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    file: _File = None,
) -> None:
    """Remove stored runs for good."""
    if [bool(keys), bool(status), everything].count(True) != 1:
        raise InputError("Which runs?", expected="either keys, or --status, or --all")
    with _store(file) as store:
        if keys:
            chosen = sorted({store.find(key) for key in keys})
        else:
            chosen = [row["key"] for row in store.records(history=False, **_where(status=status))]
        if chosen and not yes:
            _confirm(len(chosen))
        removed = store.remove(chosen)
        say(f"{removed} run{'s' * (removed != 1)} removed", err=True)


def _store(file: Path | None) -> Store:
    """The store in a file that is there, or the user's, which is made when missing."""
    if file is not None and not file.exists():
        raise InputError(f"There is no store {file}.", expected="the file given as --store when its runs were made")
    return Store(file)


def _confirm(count: int) -> None:
    question = f"Remove {count} stored run{'s' if count > 1 else ''} for good?"
    if not sys.stdin.isatty():
        raise InputError(question, expected="an answer at a terminal", next_step="add --yes to remove without asking")
    typer.confirm(question, abort=True, err=True)


def _where(**wanted: str) -> dict[str, list[str]]:
    where = {column: [part.strip() for part in text.split(",")] for column, text in wanted.items() if text}
    for status in where.get("status", []):
        if status not in STATUSES:
            raise unknown("status", status, STATUSES)
    return where


def _show(rows: list[Row], store: Store) -> None:
    of_studies = {"kind": "kind"} if any(row.get("kind") and not row.get("problem") for row in rows) else {}
    columns = _LISTED | of_studies | ({"reason": "reason"} if any(row.get("reason") for row in rows) else {})
    if rows:
        shown = [[row["key"][:_SHORT_KEY], *(row.get(column) for column in list(columns)[1:])] for row in rows]
        print_table(list(columns.values()), shown, whole=["key"])
    say(f"{len(rows)} of {len(store)} stored runs; {store.path}")


def _form_of(out: Path | None) -> Format:
    """The form that the file's name ends in; CSV without a file."""
    ending = "csv" if out is None else out.suffix.lower().removeprefix(".")
    if ending not in [form.value for form in Format]:
        raise InputError(
            f"--out {out} does not say which form it shall have.",
            expected=f"a name that ends in {', '.join(f'.{form}' for form in Format)}, or --format",
        )
    return Format(ending)


def _encode(rows: list[Row], form: Format) -> bytes:
    if form is Format.json:
        from gengap.json_text import json_text

        return json_text({"rows": rows}).encode()
    import pandas as pd

    from gengap.report.csv_text import csv_text

    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [_flat(row.get(name)) for row in rows] for name in names}
    try:
        frame = pd.DataFrame({name: pd.Series(values, dtype=_dtype(values)) for name, values in columns.items()})
        if form is Format.csv:
            return csv_text(frame).encode(errors="backslashreplace")
        return frame.to_parquet(index=False)
    except (OverflowError, TypeError, ValueError) as error:
        raise InputError(
            f"A {form} table cannot hold these rows: {error}.",
            expected="one type in each column",
            next_step="export fewer runs at a time, or --format json",
        ) from error


def _flat(value: Any) -> Any:
    """What a table's cell can hold: lists and dictionaries as JSON text."""
    from gengap.json_text import json_ready

    return json.dumps(json_ready(value), allow_nan=False) if isinstance(value, list | dict) else value


def _dtype(values: list[Any]) -> str | None:
    """Integers stay integers where some are missing; for all else pandas decides."""
    present = {type(value) for value in values if value is not None}
    return "Int64" if present == {int} else None
