"""Tables of any kind, as data and as predictions."""

from pathlib import Path
from typing import TYPE_CHECKING

from gengap.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

TABLES = (".csv", ".tsv", ".parquet", ".pq")
_MISSING = ["", "nan", "NaN", "NAN"]  # NA, None and null may be names of classes


def read_frame(path: str | Path) -> "pd.DataFrame":
    """A CSV, TSV or Parquet file as a DataFrame of at least one row; only empty cells and NaN count as missing.

    Raises:
        InputError: The file does not exist, is no such table, or has no rows.
    """
    import pandas as pd

    file = Path(path)
    suffix = file.suffix.lower()
    if not file.is_file():
        raise InputError(f"There is no file {file}.", expected="a CSV, TSV or Parquet table")
    try:
        if suffix in (".parquet", ".pq"):
            table = pd.read_parquet(file)
        else:
            separator = "\t" if suffix == ".tsv" else ","
            table = pd.read_csv(file, sep=separator, keep_default_na=False, na_values=_MISSING, low_memory=False)
    except (ValueError, OSError) as error:  # parser, encoding and Parquet errors are all of these
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise InputError(
            f"{file} is no table that can be read: {reason:.120}", expected="a CSV, TSV or Parquet table"
        ) from error
    if len(table) == 0:
        raise InputError(f"{file} has no rows.", expected="one row for each example")
    return table
