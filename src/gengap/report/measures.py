"""The page of a network's measures: every one by family, with what it could not treat."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gengap.report.page import Fact, Facts, Page, Section, Table, Text
from gengap.report.plain import plain

READING = (
    "No measure is a verdict by itself. Its value means something beside that of another network of the same "
    "architecture, trained on the same number of examples: whether it rises with the gap is what the sign claims, "
    "and what a set of trained networks has to show.",
    "A measure that changes when a ReLU layer is multiplied and the next one divided by the same number changes "
    "though the function does not: differences in it need not mean anything.",
)


def measures_page(rows: pd.DataFrame, subject: Mapping[str, Any]) -> Page:
    """The page.

    Args:
        rows: What ``gengap.measures.measure`` returns.
        subject: ``model``, ``data``, ``n``, ``subset``, and whatever else belongs to the conditions.
    """
    names = rows["family"].unique().tolist()
    families = [Section(name.capitalize(), [_table(rows[rows["family"] == name], name)]) for name in names]
    first = Section("In short", [Facts(_facts(rows)), Text(READING)])
    return Page(f"Measures of {subject['model']}", sentence(rows, subject), [first, *families])


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


def _table(rows: pd.DataFrame, family: str) -> Table:
    records = rows.to_dict("records")
    shown = {
        "measure": [row["name"] for row in records],
        "value": [value_text(row) for row in records],
        "grows with the gap": ["yes" if row["sign"] > 0 else "no, falls" for row in records],
        "stays when layers are rescaled": ["yes" if row["rescaling_invariant"] else "no" for row in records],
        "status": [note_text(row) or "ok" for row in records],
        "formula": [row["formula"] for row in records],
        "source": [row["source"] for row in records],
    }
    return Table(pd.DataFrame(shown), f"Measures of the family {family}")


def _facts(rows: pd.DataFrame) -> list[Fact]:
    missing = list(dict.fromkeys(name for names in rows["not_covered"] for name in names))
    value = ", ".join(missing) if missing else "nothing"
    ok = int((rows["status"] == "ok").sum())
    return [
        Fact("Measures without reservation", f"{ok} of {len(rows)}"),
        Fact("Layers that some measure leaves out", value, "the rows name the reason"),
        Fact("Time", f"{rows['seconds'].sum():.1f} s"),
    ]
