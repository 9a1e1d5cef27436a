"""Where an answer is written: a folder with its page, or one file whose form its suffix says."""

import tempfile
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from gengap.errors import InputError
from gengap.json_text import json_text
from gengap.report import Page, make_folder, write_page
from gengap.report.csv_text import csv_text
from gengap.tasks.certify.certificate import Certificate
from gengap.tasks.certify.compare import Comparison
from gengap.tasks.certify.control import Control
from gengap.tasks.certify.family import Family
from gengap.tasks.certify.page import bound_rows, certificate_page
from gengap.tasks.certify.pages import comparison_page, comparison_rows, control_page, plain_page, plan_page
from gengap.tasks.certify.plan import ComparisonPlan, Plan
from gengap.tasks.certify.ranking import Ranking

_FORMS = (".html", ".json", ".csv", ".md", ".png")


class Answer(Protocol):
    """What every kind of ``gengap certify`` returns."""

    @property
    def sentence(self) -> str:
        """The answer in one or two sentences."""

    @property
    def notes(self) -> list[str]:
        """What is to be said beside it."""

    def to_json(self) -> dict[str, Any]:
        """The one JSON document."""


def write_answer(answer: Answer, out: str | Path) -> Path:
    """Writes an answer and returns the path of what was written.

    Args:
        answer: What a kind of ``gengap certify`` returned.
        out: A folder for the page with its pictures and rows, or a file with the suffix .html, .json, .csv (the rows),
            .md (text and rows) or .png (the first picture).

    Raises:
        InputError: The suffix is another one, there is no picture, or the place cannot be written.
    """
    path = Path(out)
    form = path.suffix.lower()
    if path.is_dir() or not form:
        make_folder(path)  # before the pictures are drawn
        page, rows = _page(answer)
        return write_page(page, path, rows=rows, data={_key(answer): answer.to_json()})
    if form not in _FORMS:
        raise InputError(f"--out {path.name} has an unknown form.", expected=f"a folder, or a file {', '.join(_FORMS)}")
    make_folder(path.parent)
    try:
        path.write_bytes(_content(answer, form))
    except OSError as error:
        raise InputError(
            f"Cannot write {path}: {error.strerror or error}.", next_step="choose another place"
        ) from error
    return path


def _content(answer: Answer, form: str) -> bytes:
    if form == ".json":
        return json_text(answer.to_json()).encode()
    page, rows = _page(answer)
    if form == ".csv":
        return csv_text(rows).encode()
    if form == ".md":
        return _markdown(answer, rows).encode()
    with tempfile.TemporaryDirectory() as folder:
        written = write_page(page, folder)
        if form == ".html":
            return written.read_bytes()
        figures = page.figures()
        if not figures:
            raise InputError("This answer has no picture.", expected="--out with .html, .json, .csv or .md")
        return (Path(folder) / f"{figures[0].name}.png").read_bytes()


def _page(answer: Answer) -> tuple[Page, pd.DataFrame]:
    if isinstance(answer, Certificate | Family):
        certificate = answer.certificate if isinstance(answer, Family) else answer
        return certificate_page(answer), bound_rows(certificate)
    if isinstance(answer, Comparison | Ranking):
        return comparison_page(answer), comparison_rows(answer)
    if isinstance(answer, Control) and answer.rows[0]["accepted"] > 0:
        return control_page(answer), _rows(answer)
    if isinstance(answer, Plan | ComparisonPlan):
        return plan_page(answer), _rows(answer)
    return plain_page(answer), _rows(answer)


def _rows(answer: Answer) -> pd.DataFrame:
    """The rows that an answer names, or its JSON as one row."""
    rows = getattr(answer, "rows", None)
    if rows is not None:
        return pd.DataFrame(rows)
    return pd.DataFrame(
        [{name: value for name, value in answer.to_json().items() if not isinstance(value, list | dict)}]
    )


def _key(answer: Answer) -> str:
    return "certificate" if isinstance(answer, Certificate | Family) else type(answer).__name__.lower()


def _markdown(answer: Answer, rows: pd.DataFrame) -> str:
    """The answer, its rows as a table, and what it assumes."""
    cells = [["" if value is None or value != value else str(value) for value in row] for row in rows.to_numpy()]
    lines = [list(map(str, rows.columns)), ["---"] * len(rows.columns), *cells]
    table = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
    notes = "\n".join(f"- {note}" for note in answer.notes)
    return f"**{answer.sentence}**\n\n{table}\n\n{notes}\n"
