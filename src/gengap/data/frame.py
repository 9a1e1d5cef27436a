"""Tables of any kind, as data and as predictions."""

import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gengap.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

TABLES = (".csv", ".tsv", ".parquet", ".pq")
_MISSING = ["", "nan", "NaN", "NAN"]  # NA, None and null may be names of classes


def read_frame(path: str | Path) -> "pd.DataFrame":
    """A CSV, TSV or Parquet file as a DataFrame of at least one row; only empty cells and NaN count as missing.

    Raises:
        InputError: The file does not exist, is no such table, has no rows, or names a column twice.
    """
    import pandas as pd

    file = Path(path)
    suffix = file.suffix.lower()
    if not file.is_file():
        raise InputError(f"There is no file {file}.", expected="a CSV, TSV or Parquet table")
    names: list[str] = []
    try:
        if suffix in (".parquet", ".pq"):
            table = pd.read_parquet(file)  # which refuses a name given twice
        else:
            table, names = _text_table(file, "\t" if suffix == ".tsv" else ",")
    except (ValueError, OSError, pd.errors.ParserWarning) as error:  # parser, encoding and Parquet errors too
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        if isinstance(error, pd.errors.ParserWarning):
            reason = "its rows have more fields than its header"
        raise InputError(
            f"{file} is no table that can be read: {reason:.120}", expected="a CSV, TSV or Parquet table"
        ) from error
    twice = [name for name, times in Counter(names).items() if times > 1 and name]
    if twice:
        raise InputError(
            f"{file} has two columns {twice[0]}.",
            expected="a name of its own for each column",
            next_step="rename or leave out one of them",
        )
    if len(table) == 0:
        raise InputError(f"{file} has no rows.", expected="one row for each example")
    return table


def _text_table(file: Path, separator: str) -> "tuple[pd.DataFrame, list[str]]":
    """The table and the names in its header as they stand there: pandas renames what is there twice.

    A space after the separator is no part of a value.
    """
    import pandas as pd

    how: Any = {"sep": separator, "skipinitialspace": True, "keep_default_na": False}
    header = pd.read_csv(file, header=None, nrows=1, dtype=str, **how)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows that are longer than the header
        table = pd.read_csv(file, index_col=False, na_values=_MISSING, low_memory=False, **how)
    return table, [str(name) for name in header.iloc[0]]
