"""The measures of a network in words: the sentence above all, a value, a note."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gengap.report import plain


def sentence(rows: pd.DataFrame, subject: Mapping[str, Any]) -> str:
    """How many measures there are, and of how many something is missing."""
    counts = rows["status"].value_counts()
    others = [f"{counts[status]} {status}" for status in ("partial", "not converged", "skipped") if status in counts]
    rest = f", {', '.join(others)}" if others else ""
    return (
        f"{len(rows)} measures of {subject['model']} on {subject['data']}, {subject['n']:,} training examples: "
        f"{counts.get('ok', 0)} ok{rest}."
    )


def value_text(row: Mapping[Any, Any]) -> str:
    """A value as people read it; as a power of e where float64 cannot hold it."""
    if pd.notna(row["value"]):
        return plain(float(row["value"]))
    return f"e^{plain(float(row['log_value']))}" if pd.notna(row["log_value"]) else "–"


def note_text(row: Mapping[Any, Any]) -> str:
    """Status and reason in one phrase; nothing where all is well."""
    parts = ["" if row["status"] == "ok" else row["status"], row["reason"]]
    return ": ".join(part for part in parts if part)
