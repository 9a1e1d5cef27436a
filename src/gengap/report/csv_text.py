"""Tables as CSV that a spreadsheet shows and does not run."""

from typing import Any

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a cell begins with that spreadsheets take for a formula


def csv_text(frame: pd.DataFrame) -> str:
    """The table as CSV, with an apostrophe before text that begins like a formula; numbers stay as they are.

    >>> print(csv_text(pd.DataFrame({"a": ["=1+1", "-5", "x"], "b": [-1, 2, 3]})), end="")
    a,b
    '=1+1,-1
    -5,2
    x,3
    """
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    safe = frame.assign(**{str(name): frame[name].map(_safe) for name in texts if isinstance(name, str)})
    return str(safe.rename(columns=_safe).to_csv(index=False))


def _safe(cell: Any) -> Any:
    if not (isinstance(cell, str) and cell.startswith(FORMULA)):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
