"""JSON that every parser reads: no NaN, no Infinity, no NumPy or pandas types."""

import json
import math
import re
import sys
from typing import Any

import numpy as np

# What JSON need not escape: a terminal may take it for the start of a command, or turn the direction of writing.
_CONTROL = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def json_ready(value: Any) -> Any:
    """``value`` as dicts, lists, strings, finite numbers, booleans and None.

    NaN, Infinity and pandas' missing values become None; a DataFrame becomes a list of records; anything that JSON
    has no word for (dates, paths) becomes its ``str``.
    """
    pd = sys.modules.get("pandas")  # what it has made exists only where it is loaded; loading it takes half a second
    if isinstance(value, dict):
        return {str(key): json_ready(item) for key, item in value.items()}
    if pd is not None and isinstance(value, pd.DataFrame):
        return json_ready(value.to_dict("records"))
    if isinstance(value, np.ndarray | np.generic) or (pd is not None and isinstance(value, pd.Series)):
        return json_ready(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [json_ready(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return None if pd is not None and (value is pd.NaT or value is pd.NA) else str(value)


def json_text(value: Any) -> str:
    """``json_ready(value)`` as indented JSON text with a newline at its end; no control character stands in it."""
    text = json.dumps(json_ready(value), indent=2, ensure_ascii=False, allow_nan=False)
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"
