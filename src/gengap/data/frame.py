"""Tables of any kind, as data and as predictions."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gengap.data.content import PACKED, STANDARD_INPUT, decoded, read_content, refuse_foreign
from gengap.data.json_file import parse_json, parse_json_lines
from gengap.data.limits import check_file
from gengap.data.parquet import read_parquet
from gengap.data.text_table import check_columns, parse_table
from gengap.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_PLAIN = (".csv", ".tsv", ".json", ".jsonl", ".ndjson")
TABLES = (*_PLAIN, *(f"{suffix}{packed}" for suffix in _PLAIN for packed in PACKED), ".parquet", ".pq")
_EXPECTED = "a CSV, TSV, JSON, JSON lines or Parquet table"


def read_frame(path: str | Path) -> "pd.DataFrame":
    """A table as a DataFrame of at least one row: CSV, TSV, JSON, JSON lines (all also compressed) or Parquet.

    What is not Parquet is recognised by its content. Separated values may be divided by commas, semicolons, tabs or
    bars, in UTF-8, UTF-16, or Windows-1252 (with a warning); only empty cells and NaN count as missing. JSON is a list
    of records, an object of columns, or an object with records under ``rows``; JSON lines have a record a line.

    Args:
        path: The file; ``-`` is standard input.

    Raises:
        InputError: The file does not exist, is no such table, has no rows, names a column twice, or is too large.
    """
    what = "Standard input" if str(path) == STANDARD_INPUT else str(path)
    if what != "Standard input":
        check_file(Path(path), _EXPECTED)
        with Path(path).open("rb") as file:
            start = file.read(4)
        if start == b"PAR1":
            return _with_rows(read_parquet(Path(path)), what)
    content = read_content(path, _EXPECTED)
    refuse_foreign(content, what, _EXPECTED)
    if Path(path).suffix.lower() in (".parquet", ".pq") or content.startswith(b"PAR1"):
        raise InputError(f"{what} is no table that can be read: no Parquet file.", expected=_EXPECTED)
    text, encoding = decoded(content, what)
    if encoding == "cp1252":
        warnings.warn(f"{what} is not UTF-8; it is read as Windows-1252 (Latin-1).", stacklevel=2)
    return _with_rows(_table(text, what, _separator_of(Path(path))), what)


def _table(text: str, what: str, separator: str | None) -> "pd.DataFrame":
    start = text.lstrip()[:1]
    if start == "{" and not _is_one_object(text):
        return _of_records(parse_json_lines(text, what, _EXPECTED), what)
    if start in ("{", "["):
        return _of_document(parse_json(text, what, _EXPECTED), what)
    return parse_table(text, what, separator)


def _separator_of(path: Path) -> str | None:
    """The separator that a file's name promises; that of ``.csv`` may be any."""
    return "\t" if ".tsv" in path.suffixes[-2:] else None


def _is_one_object(text: str) -> bool:
    """Whether a text of JSON is one object: its first line is not an object by itself, or it is the only line."""
    first, _, rest = text.strip().partition("\n")
    return not (first.rstrip().endswith("}") and rest.strip())


def _of_document(document: Any, what: str) -> "pd.DataFrame":
    import pandas as pd

    if isinstance(document, Mapping) and isinstance(document.get("rows"), list):
        document = document["rows"]
    if isinstance(document, list):
        return _of_records(document, what)
    lengths = {len(column) if isinstance(column, list) else None for column in document.values()}
    if len(lengths) != 1 or None in lengths:
        if all(not isinstance(value, dict | list) for value in document.values()):
            return _of_records([document], what)  # JSON lines of one line
        raise InputError(
            f"{what} holds no columns of one length.", expected="a list of records, or lists of one length"
        )
    _check_values(document.values(), what)
    check_columns(len(document), what)
    return pd.DataFrame(document)


def _of_records(records: list[Any], what: str) -> "pd.DataFrame":
    import pandas as pd

    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise InputError(f"{what}: record {number} is {str(record)!r:.40}.", expected="an object for each example")
    _check_values((record.values() for record in records), what)
    names = dict.fromkeys(name for record in records for name in record)
    check_columns(len(names), what)
    return pd.DataFrame(records, columns=list(names))


def _check_values(groups: Any, what: str) -> None:
    """Cells hold numbers, texts, or lists of these, such as the words of a sentence."""
    for values in groups:
        for value in values:
            parts = value if isinstance(value, list) else [value]
            if any(isinstance(part, dict | list) for part in parts):
                raise InputError(f"{what}: a cell holds {str(value)!r:.40}.", expected="a number or text in each cell")


def _with_rows(table: "pd.DataFrame", what: str) -> "pd.DataFrame":
    if len(table) == 0:
        raise InputError(
            f"{what} has no rows.",
            expected="one row for each example",
            next_step="check that what wrote it has finished, and that it is the file you mean",
        )
    return table
