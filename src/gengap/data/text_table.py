"""Tables of separated values as people have them: any usual encoding, separator and decimal mark."""

import csv
import io
import re
import warnings
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from gengap.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

MISSING = ["", "nan", "NaN", "NAN"]  # NA, None and null may be names of classes
MOST_COLUMNS = 100_000
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SAMPLE = 20  # lines by which a separator is chosen
_SAMPLE_LENGTH = 2**22  # characters among which header and separator are sought
_DECIMAL_COMMA, _DECIMAL_POINT = re.compile(r"\s*[-+]?\d*,\d+([eE][-+]?\d+)?\s*"), re.compile(r"\s*[-+]?\d*\.\d+.*")


def parse_table(text: str, what: str, separator: str | None = None) -> "pd.DataFrame":
    """The table in a text; only empty cells and NaN count as missing.

    A space after the separator is no part of a value. The separator is that of comma, semicolon, tab and bar which
    divides the first lines alike and into most fields; an Excel line ``sep=;`` before the header is heeded. With
    semicolons, numbers may have decimal commas.

    Args:
        text: The table, with a header.
        what: What errors call it.
        separator: The separator, where it is known.

    Raises:
        InputError: A column is named twice, there are too many, or a row is longer than the header.
    """
    import pandas as pd

    declared = re.match(r"sep=(.)\r?\n", text)
    if declared:
        separator, text = declared[1], text[declared.end() :]
    sample = text[:_SAMPLE_LENGTH]
    if len(sample) < len(text):
        sample = sample[: sample.rfind("\n") + 1]  # whole lines
        if not sample:
            raise _no_table(what, f"its first line has more than {_SAMPLE_LENGTH:,} characters")
    separator = separator or _separator(sample)
    names = _header(sample, what, separator)
    how: dict[str, Any] = {"sep": separator, "skipinitialspace": True, "keep_default_na": False, "na_values": MISSING}
    decimal = "," if separator == ";" and _has_decimal_commas(sample) else "."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows that are longer than the header
            content = io.BytesIO(text.encode())
            table: pd.DataFrame = pd.read_csv(content, index_col=False, low_memory=False, decimal=decimal, **how)
    except pd.errors.ParserWarning as error:
        raise _no_table(what, "its rows have more fields than its header") from error
    except (ValueError, OSError) as error:  # the parser's errors too
        raise _no_table(what, str(error).strip().split("\n")[0] or type(error).__name__) from error
    refuse_names_given_twice(names, what)
    return table


def refuse_names_given_twice(names: list[str], what: str) -> None:
    """Sees that no column has the name of another; columns without a name may be several.

    Raises:
        InputError: Two have one.
    """
    twice = [name for name, times in Counter(names).items() if times > 1 and name]
    if twice:
        raise InputError(
            f"{what} has two columns {twice[0]}.",
            expected="a different name for each column",
            next_step="rename or leave out one of them",
        )


def check_columns(n_columns: int, what: str) -> None:
    """Sees that a table is not wider than any that is meant.

    Raises:
        InputError: It is.
    """
    if n_columns > MOST_COLUMNS:
        raise InputError(
            f"{what} has {n_columns:,} columns.",
            expected=f"at most {MOST_COLUMNS:,}",
            next_step="save wide data as .npz instead",
        )


def _separator(text: str) -> str:
    """The separator that divides the first lines alike, and into most fields."""
    counts = {}
    for separator in _SEPARATORS:
        try:
            rows = list(islice((row for row in _rows(text, separator) if row), _SAMPLE))
        except csv.Error:  # a field longer than any that is meant
            rows = []
        fields = len(rows[0]) if rows else 0
        alike = all(len(row) == fields or (len(row) == fields + 1 and not row[-1]) for row in rows)
        counts[separator] = (fields > 1, alike, fields)
    return max(counts, key=lambda separator: counts[separator])


def _header(text: str, what: str, separator: str) -> list[str]:
    """The names of the columns as they stand there: pandas renames what is there twice."""
    try:
        names: list[str] = next((row for row in _rows(text, separator) if row), [])
    except csv.Error as error:
        raise _no_table(what, str(error)) from error
    check_columns(len(names), what)
    return names


def _rows(text: str, separator: str) -> Any:
    return csv.reader(io.StringIO(text, newline=None), delimiter=separator, skipinitialspace=True)


def _has_decimal_commas(text: str) -> bool:
    cells = [cell for row in islice(_rows(text, ";"), 1, 1000) for cell in row]
    return any(map(_DECIMAL_COMMA.fullmatch, cells)) and not any(map(_DECIMAL_POINT.fullmatch, cells))


def _no_table(what: str, reason: str) -> InputError:
    return InputError(
        f"{what} is no table that can be read: {reason:.120}",
        expected="CSV with one header and rows of as many fields, separated by commas, semicolons or tabs",
        next_step="check that the file is complete, and that it is the one you mean",
    )
