"""Page: what a report says, and the folder that it becomes."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar

import jinja2
import pandas as pd

from gengap import __version__
from gengap.json_text import json_ready, json_text
from gengap.report import theme
from gengap.report.csv_text import csv_text
from gengap.report.folder import write_files
from gengap.report.plain import plain

LONGEST_NOTEBOOK = 100  # rows of a table in a notebook
LONGEST_TABLE = 500  # rows of a table on the page; whole tables are in the files beside it
LONG_PAGE = 7  # sections from which a page begins with a list of them


@dataclass(frozen=True)
class Fact:
    """One number worth a glance: what it is, the number with its unit, a few words on it."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Facts:
    """A row of facts."""

    facts: Sequence[Fact]
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Text:
    """Paragraphs of plain text; nothing in them is read as HTML."""

    paragraphs: Sequence[str]
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Formatted:
    """Text with formulas, as HTML that ``gengap.report.formatted`` made; it goes onto the page as it is."""

    html: str
    kind: ClassVar[str] = "formatted"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        frame: Its rows; columns of numbers are set flush right.
        caption: What the table shows.
        formats: Column -> format specification for its numbers, e.g. ``{"test_error": ".1%"}``.
        notes: For each row, what stands in small type under its first cell; none for no notes.
        cards: On a narrow screen each row is a card, so that nothing has to be scrolled sideways.
    """

    frame: pd.DataFrame
    caption: str
    formats: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    cards: bool = False
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Figure:
    """A chart.

    Attributes:
        name: Stem of its files' names and its anchor on the page, e.g. ``"learning-curves"``.
        chart: An Altair chart; a single view or layers fill the page's width.
        caption: What to see in it.
        alternative: The same for somebody who cannot see it.
        data: What is drawn, for the table behind the chart.
        formats: As in ``Table``.
    """

    name: str
    chart: Any
    caption: str
    alternative: str
    data: pd.DataFrame
    formats: Mapping[str, str] = field(default_factory=dict)
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Picture:
    """A small picture.

    Attributes:
        png: Its bytes, as ``png_bytes`` makes them.
        caption: What stands below it; also read out in its place.
    """

    png: bytes
    caption: str


@dataclass(frozen=True)
class Pictures:
    """Small pictures side by side, such as examples of a data set.

    Attributes:
        pictures: In reading order.
        caption: What they show.
    """

    pictures: Sequence[Picture]
    caption: str
    kind: ClassVar[str] = "pictures"


Block = Facts | Text | Formatted | Table | Figure | Pictures


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    parts: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A report: its title, the answer in one or two sentences, and the sections that show it."""

    title: str
    lead: str
    sections: Sequence[Section]

    def figures(self) -> list[Figure]:
        """The page's figures in reading order."""
        return [part for section in self.sections for part in section.parts if isinstance(part, Figure)]


def write_page(
    page: Page,
    out_dir: str | Path,
    rows: pd.DataFrame | None = None,
    data: Mapping[str, Any] | None = None,
) -> Path:
    """Writes the report and returns the path of its ``report.html``.

    The folder receives ``report.html`` (one file that needs nothing else), ``NAME.png`` and ``NAME.svg`` for each
    figure, ``report.json`` and, with ``rows``, ``rows.csv``. Each file appears whole or not at all, ``report.html``
    last; other files in the folder are left alone.

    Args:
        page: What to write.
        out_dir: The folder; made if missing.
        rows: The measurements; columns of lists or dicts are in ``report.json`` only.
        data: What ``report.json`` holds beside the title and the rows; NaN and Infinity become null.

    Raises:
        InputError: The folder cannot be written, or the disk is full.
    """
    out = Path(out_dir)
    write_files(_contents(page, rows, data), out)
    return out / "report.html"


def fragment(title: str, lead: str, sections: Sequence[Section]) -> str:
    """A part of a page as HTML for a notebook, without scripts: charts are pictures.

    Args:
        title: Its heading.
        lead: What stands first.
        sections: What follows.
    """
    figures = [part for section in sections for part in section.parts if isinstance(part, Figure)]
    stills = {name: theme.pictures(spec)[0] for name, spec in specifications(figures).items()}
    template = templates().get_template("fragment.html.j2")
    return template.render(title=title, lead=lead, sections=sections, stills=stills, longest_table=LONGEST_NOTEBOOK)


def _contents(page: Page, rows: pd.DataFrame | None, data: Mapping[str, Any] | None) -> dict[str, bytes]:
    """File name -> bytes, in the order in which they are put in place."""
    document: dict[str, Any] = {"title": page.title, "lead": page.lead, **(data or {})}
    files: dict[str, bytes] = {}
    specs, svgs = specifications(page.figures()), {}
    for name, spec in specs.items():
        png, svgs[name] = theme.pictures(spec)
        files |= {f"{name}.png": png, f"{name}.svg": svgs[name].encode()}
    if rows is not None:
        document["rows"] = rows = _with_whole_numbers(rows)
        nested = [name for name in rows if rows[name].map(lambda cell: isinstance(cell, list | dict)).any()]
        files["rows.csv"] = csv_text(rows.drop(columns=nested)).encode(errors="backslashreplace")
    files["report.json"] = json_text(document).encode()
    files["report.html"] = _html(page, specs, svgs, list(files)).encode()
    return files


def _with_whole_numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, in which whole numbers are no longer floats for the missing values among them."""
    gaps = [name for name in rows if pd.api.types.is_float_dtype(rows[name]) and rows[name].hasnans]
    whole = [name for name in gaps if (rows[name].dropna() % 1 == 0).all()]
    return rows.astype(dict.fromkeys(whole, "Int64"))


@cache
def templates() -> jinja2.Environment:
    """The templates of pages: every value is escaped, and a missing one is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gengap.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"cell": _cell, "is_number": pd.api.types.is_numeric_dtype, "base64": _base64}
    return environment


def specifications(figures: Sequence[Figure]) -> dict[str, dict[str, Any]]:
    """A figure's name -> the specification of its chart."""
    return {figure.name: theme.specification(figure.chart, figure.alternative) for figure in figures}


def charts_json(specs: Mapping[str, dict[str, Any]]) -> Any:
    """What the script that draws the charts reads: specifications, the two themes, and colours on the dark page."""
    themes = {"light": theme.LIGHT, "dark": theme.DARK}
    return json_ready({"specs": specs, "themes": themes, "lightened": theme.dark_colours(list(specs.values()))})


def _html(page: Page, specs: Mapping[str, dict[str, Any]], svgs: Mapping[str, str], files: Sequence[str]) -> str:
    return (
        templates()
        .get_template("page.html.j2")
        .render(
            page=page,
            files=files,
            version=__version__,
            charts=charts_json(specs),
            images={name: _pictures(name, svg) for name, svg in svgs.items()},
            library=chart_library() if specs else "",
            longest_table=LONGEST_TABLE,
            long_page=LONG_PAGE,
        )
    )


def _pictures(name: str, svg: str) -> dict[str, str]:
    """The addresses of a figure's pictures: the still one is part of the page."""
    return {"still": still_picture(svg), "svg": f"{name}.svg", "png": f"{name}.png"}


def still_picture(svg: str) -> str:
    """A picture as an address that holds it whole."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


@cache
def chart_library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script without dependencies, safe inside a script element."""
    import vl_convert

    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=theme.vegalite_version())
    return re.sub("</(?=script)", r"<\\/", bundle, flags=re.IGNORECASE)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _cell(value: Any, form: str = "") -> str:
    """A table cell's text."""
    if value is None or value is pd.NA or value != value:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Real):
        return format(value, form or ",") if form or isinstance(value, Integral) else plain(float(value))
    return str(value)
