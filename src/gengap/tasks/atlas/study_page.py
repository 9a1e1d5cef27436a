"""The page of a study in the atlas."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from gengap.report import Formatted, Section, SitePage, Text, csv_text, formatted
from gengap.studies.account import Account
from gengap.studies.evidence import Recorded
from gengap.studies.page import claim_table, numbers
from gengap.studies.study import Study
from gengap.tasks.atlas.words import command, origin


def address(study: Study) -> str:
    """The path of a study's page."""
    return f"studies/{study.name.replace('/', '-')}.html"


def heading(study: Study, words: Account | None) -> str:
    """The title of a study's page: its topic and where that is from.

    For example ``"Kernel machines through every label (Zhang et al. 2017, Table 3)"``.
    """
    match = re.match(r"(?P<authors>.+?),? (?P<year>\d{4})\b", study.paper)
    authors = re.split(r", | and ", match["authors"]) if match else []
    names = f"{authors[0]} et al." if len(authors) > 2 else " and ".join(authors)
    paper = f"{names} {match['year']}" if match else study.paper
    if words is None or words.title is None:
        return f"{study.artifact} ({paper})"
    return f"{words.title} ({paper}, {study.artifact})"


def study_page(study: Study, words: Account | None, recorded: Recorded | None) -> SitePage:
    """The claim, its account, the results beside the paper's numbers, what later work says, and the command."""
    sections: list[Section] = []
    if words is not None:
        sections.append(Section("In short", [formatted(words.overview)]))
    sections += _results(recorded)
    if words is not None:
        sections.append(Section("The standard account", [formatted(words.account)]))
    sections.append(Section("The setting, and how it differs from the paper's", [_setting(study, recorded)]))
    if words is not None:
        sections.append(Section("What later work says against it", [formatted(words.later)]))
    sections.append(Section("Run it", _run(study, recorded)))
    return SitePage(address(study), heading(study, words), study.claim, sections)


def rows_files(study: Study, recorded: Recorded, folder: Path) -> dict[str, bytes]:
    """The recorded rows, and the paper's numbers beside ours where it has any, as CSV files of the site, by path."""
    stored = folder / recorded.folder / "rows.csv"
    rows = [{k: v for k, v in row.items() if not isinstance(v, list | dict)} for row in recorded.outcome.rows]
    files = {_rows_path(study): stored.read_bytes() if stored.exists() else _csv(rows)}
    if study.reported:
        files[_numbers_path(study)] = _csv([each.record() for each in recorded.outcome.comparisons()])
    return files


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    import pandas as pd

    return csv_text(pd.DataFrame(rows)).encode(errors="backslashreplace")


def _rows_path(study: Study) -> str:
    return f"rows/{study.name.replace('/', '-')}.csv"


def _numbers_path(study: Study) -> str:
    return f"rows/{study.name.replace('/', '-')}-numbers.csv"


def _results(recorded: Recorded | None) -> list[Section]:
    if recorded is None:
        return [Section("Results", [Text(["Not run yet: there is nothing to show beside the paper."])])]
    artifact = recorded.outcome.artifact()
    parts = [*artifact.views, claim_table(artifact, recorded.outcome.scale)]
    if artifact.comparisons:
        parts.append(numbers(artifact.comparisons))
    lead = [f"Indicative only: {artifact.indicative}"] if artifact.indicative else []
    return [Section("Results, the paper's beside ours", [Text([*lead, origin(recorded)]), *parts])]


def _setting(study: Study, recorded: Recorded | None) -> Formatted:
    items = _items([*study.differences] or ["No difference is known."])
    scaled = ""
    if recorded is not None and recorded.outcome.scale in study.scaled:
        scaled = f"<p>At {recorded.outcome.scale} scale: {escape(study.scaled[recorded.outcome.scale])}</p>"
    return Formatted(f"<p>{escape(study.paper)}</p><ol>{items}</ol>{scaled}")


def _items(texts: Sequence[str]) -> str:
    return "".join(f"<li>{escape(text)}</li>" for text in texts)


def _run(study: Study, recorded: Recorded | None) -> list[Formatted]:
    scale = recorded.outcome.scale if recorded is not None else "desk"
    cost = f"It takes {study.cost[scale]}." if scale in study.cost else ""
    text = f"<p>{escape(cost)}</p><pre tabindex=0>{escape(command(study, scale))}</pre>"
    if recorded is not None:
        text += f"<p>All rows: {_link(_rows_path(study))}.</p>"
        if study.reported:
            text += (
                f"<p>The paper's numbers beside ours, with places and tolerances: {_link(_numbers_path(study))}.</p>"
            )
    return [Formatted(text)]


def _link(path: str) -> str:
    return f'<a href="../{escape(path)}">{escape(path)}</a>'
