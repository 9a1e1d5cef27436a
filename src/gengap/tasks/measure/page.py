"""The page of a network's measures: every one by family, with what it could not treat."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gengap.measures import record
from gengap.report import Fact, Facts, Page, Section, Table, Text
from gengap.tasks.measure.words import inputs_sentence, note_text, quoted, sentence, value_text

READING = (
    "No measure is a verdict by itself. Its value means something beside that of another network of the same "
    "architecture, trained on the same number of examples: whether it rises with the gap is what the sign claims, "
    "and what a set of trained networks has to show.",
    "A measure that changes when a ReLU layer is multiplied and the next one divided by the same number changes "
    "though the function does not: differences in it need not mean anything.",
    "On trial, small networks were trained on ever more random labels, and changed in ways that leave the test error "
    "alone (gengap trial): whether the measure followed the gap, and which harmless changes moved it as far.",
)
TITLES = {
    "fisher_rao": "Fisher-Rao norm",
    "liao2018": "Liao et al. 2018",
    "neyshabur2015": "Neyshabur et al. 2015",
    "neyshabur2019": "Neyshabur et al. 2019",
    "optimisation": "Speed of training",
    "path": "Path norms",
    "spectral": "Spectral norms",
    "tails": "Spectral tails",
}


def measures_page(rows: pd.DataFrame, subject: Mapping[str, Any]) -> Page:
    """The page.

    Args:
        rows: What ``gengap.measures.measure`` returns.
        subject: As ``Measurements`` has it.
    """
    titles = {name: TITLES.get(name, name.capitalize()) for name in rows["family"].unique()}
    families = [Section(title, [_values(rows[rows["family"] == name], title)]) for name, title in titles.items()]
    first = Section("In short", [Facts(_facts(rows)), Text(READING)])
    last = Section("What each one is", [_definitions(rows)])
    lead = f"{inputs_sentence(subject)} {sentence(rows, subject)}"
    return Page(f"Measures of {subject['model']}", lead, [first, *families, last])


def _values(rows: pd.DataFrame, title: str) -> Table:
    records = rows.to_dict("records")
    shown = {
        "measure": [row["name"] for row in records],
        "value": [value_text(row) for row in records],
        "status": [note_text(row) or "ok" for row in records],
        "with the gap it": ["rises" if row["sign"] > 0 else "falls" for row in records],
        "under rescaling it": ["stays" if row["rescaling_invariant"] else "changes" for row in records],
        "on trial it": [entry.sentence if (entry := record(row["name"])) else "was not on trial" for row in records],
    }
    return Table(pd.DataFrame(shown), f"{title}: what was found")


def _definitions(rows: pd.DataFrame) -> Table:
    shown = rows[["name", "formula", "source"]].rename(columns={"name": "measure"})
    return Table(shown, "Formula and source of each measure")


def _facts(rows: pd.DataFrame) -> list[Fact]:
    missing = list(dict.fromkeys(name for names in rows["not_covered"] for name in names))
    ok = int((rows["status"] == "ok").sum())
    return [
        Fact("Measures without reservation", f"{ok} of {len(rows)}"),
        Fact(
            "Layers that some measure leaves out",
            quoted(missing) or "none",
            "the rows name the reason" if missing else "",
        ),
        Fact("Time", f"{rows['seconds'].sum():.1f} s"),
    ]
