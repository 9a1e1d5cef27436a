"""A page becomes a folder: self-contained, escaped, whole or not at all."""

import errno
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import altair as alt
import pandas as pd
import pytest

from gengap.errors import InputError
from gengap.report import Fact, Facts, Figure, Page, Section, Table, Text, check_folder, write_page
from gengap.report.plain import plain

EVIL = "<script>alert(1)</script>"
ROWS = pd.DataFrame({"label": [EVIL, "cat"], "error": [float("nan"), 0.25], "history": [[{"loss": float("inf")}], []]})


class Elements(HTMLParser):
    """Collects every start tag with its attributes, and the text inside scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and self.cdata_elem == "script":
            self.scripts.append(data)


def page(title: str = "Title") -> Page:
    data = ROWS[["label", "error"]]
    chart = alt.Chart(data).mark_point().encode(x="error:Q", y="label:N")
    figure = Figure("errors", chart, f"caption {EVIL}", f'alternative "{EVIL}"', data, {"error": ".1%"})
    facts = Facts([Fact("worst", EVIL, "note")])
    table = Table(data, f"all {EVIL}", {"error": ".1%"})
    return Page(title, f"lead {EVIL}", [Section("Section", [facts, Text([EVIL]), figure, table])])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "new" / "folder"
    assert write_page(page(EVIL), out, ROWS, {"summary": {"gap": float("nan")}}) == out / "report.html"
    return out


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def elements(html: str) -> Elements:
    parser = Elements()
    parser.feed(html)
    return parser


def test_folder_holds_every_format_and_no_draft(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "report.html", "report.json", "rows.csv", "errors.png", "errors.svg",
    }  # fmt: skip
    assert (folder / "errors.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "errors.svg").read_text().startswith("<svg")


def test_json_has_null_for_numbers_that_json_lacks(folder: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    document = json.loads((folder / "report.json").read_text(), parse_constant=refuse)
    assert document["summary"] == {"gap": None}
    assert document["rows"] == [
        {"label": EVIL, "error": None, "history": [{"loss": None}]},
        {"label": "cat", "error": 0.25, "history": []},
    ]


def test_csv_holds_the_flat_columns(folder: Path) -> None:
    read = pd.read_csv(folder / "rows.csv")
    pd.testing.assert_frame_equal(read, ROWS[["label", "error"]], check_dtype=False)


def test_user_text_never_becomes_markup(html: str, elements: Elements) -> None:
    assert EVIL not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert [tag for tag, _ in elements.tags].count("script") == 5
    assert not any(script.startswith("alert") for script in elements.scripts)


def test_user_text_inside_embedded_json_is_escaped_and_kept(html: str) -> None:
    (embedded,) = re.findall(r'<script type="application/json" id="charts">(.*?)</script>', html, re.DOTALL)
    assert "<" not in embedded
    values = next(iter(json.loads(embedded)["specs"]["errors"]["datasets"].values()))
    assert values == [{"label": EVIL, "error": None}, {"label": "cat", "error": 0.25}]


def test_page_needs_nothing_from_outside(elements: Elements) -> None:
    sources = [attrs[name] for _, attrs in elements.tags for name in ("src", "href") if name in attrs]
    assert sources
    assert not [s for s in sources if s and re.match(r"(?!data:)[a-z+]*:?//|[a-z]+:(?!image/svg)", s)]
    policies = [a["content"] for _, a in elements.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies
    assert policies[0] is not None
    assert policies[0].startswith("default-src 'none';")


def test_chart_library_is_embedded_once(html: str) -> None:
    assert len(re.findall(r"window\.vegaEmbed ?=", html)) == 1


def test_every_chart_has_a_text_alternative(html: str, elements: Elements) -> None:
    alternative = f'alternative "{EVIL}"'
    assert [a["alt"] for tag, a in elements.tags if tag == "img"] == [alternative]
    assert [a["aria-label"] for _, a in elements.tags if a.get("role") == "img"] == [alternative]
    figure = html[html.index("<figure") : html.index("</figure>")]
    assert "<details>" in figure
    assert "25.0%" in figure


def test_page_without_charts_carries_no_library(tmp_path: Path) -> None:
    write_page(Page("T", "L", [Section("S", [Text(["x"])])]), tmp_path)
    assert "vegaEmbed" not in (tmp_path / "report.html").read_text()
    assert {p.name for p in tmp_path.iterdir()} == {"report.html", "report.json"}


def test_long_pages_begin_with_links_to_their_sections(tmp_path: Path) -> None:
    titles = [f"{EVIL} {i}" for i in range(7)]
    write_page(Page("T", "L", [Section(title, [Text([title])]) for title in titles]), tmp_path)
    html, found = (tmp_path / "report.html").read_text(), Elements()
    found.feed(html)
    assert EVIL not in html
    links = [a["href"] for tag, a in found.tags if tag == "a" and str(a["href"]).startswith("#")]
    assert links == [f"#{a['id']}" for tag, a in found.tags if tag == "section"]
    assert len(set(links)) == 7
    write_page(Page("T", "L", [Section(title, []) for title in titles[1:]]), tmp_path)
    assert "<nav" not in (tmp_path / "report.html").read_text()


def test_long_tables_are_cut_with_a_word(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": range(501)})
    write_page(Page("T", "L", [Section("S", [Table(frame, "long")])]), tmp_path)
    html = (tmp_path / "report.html").read_text()
    assert html.count("<tr>") == 501  # the head and 500 rows
    assert "The first 500 of 501 rows" in html


def test_folder_under_a_file_is_unusable_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"Cannot write the report to .*file"):
        write_page(Page("T", "L", []), tmp_path / "file" / "out")
    assert (tmp_path / "file").read_text() == "mine"


def test_full_disk_is_told_and_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_page(Page("old", "L", []), tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "report.html":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="No room on disk"):
        write_page(Page("new", "L", []), tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [(0.12345, 4, "0.1235"), (56.0, 4, "56"), (12512.0, 4, "12,512"), (99.97, 3, "100"), (-1234.5, 3, "-1,234")],
)
def test_plain_numbers(value: float, digits: int, written: str) -> None:
    assert plain(value, digits) == written


def test_whole_numbers_stay_whole_where_some_are_missing(tmp_path: Path) -> None:
    rows = pd.DataFrame({"epochs_to_fit": [53, None], "level": [0.0, 1.0], "loss": [0.5, None], "never": [None, None]})
    write_page(Page("title", "lead", []), tmp_path, rows)
    assert (tmp_path / "rows.csv").read_text() == "epochs_to_fit,level,loss,never\n53,0.0,0.5,\n,1.0,,\n"
    first, second = json.loads((tmp_path / "report.json").read_text())["rows"]
    assert repr(first["epochs_to_fit"]) == "53"
    assert second == {"epochs_to_fit": None, "level": 1.0, "loss": None, "never": None}


def test_a_folder_that_is_checked_is_there_only_if_it_was_before(tmp_path: Path) -> None:
    check_folder(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())
    (tmp_path / "kept").mkdir()
    check_folder(tmp_path / "kept")
    check_folder(tmp_path / "kept" / "new")
    assert [path.name for path in tmp_path.rglob("*")] == ["kept"]
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Cannot write the report"):
        check_folder(tmp_path / "file" / "b")
