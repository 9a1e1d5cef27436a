"""What strangers say is shown on a terminal and never obeyed."""

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest

import gengap
from gengap.console import Console
from gengap.json_text import json_text
from gengap.report import Page, csv_text, write_page
from gengap.terminal import say, visible

ATTACKS = [
    "\x1b[2J\x1b[1;1Hall is well",
    "\x9b31m",
    "over\rwritten",
    "\x08\x08\x07",
    "\u202etxt.exe",
    "\x1b]0;title\x07",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_no_control_character_reaches_a_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(text)
    say(text, err=True)
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=200, highlight=False)
    console.print(text, markup=False, style="bold")
    console.print(f"[red]{text.replace('[', chr(92) + '[')}[/red]")
    printed = capsys.readouterr()
    styles = {"\x1b[1m", "\x1b[0m", "\x1b[31m"}  # what Console itself writes for bold and red
    shown = out.getvalue()
    for style in styles:
        shown = shown.replace(style, "")
    for given in (printed.out, printed.err, shown, json_text({text: text})):
        assert not any(not c.isprintable() and c != "\n" for c in given)
    assert json.loads(json_text({"a": text})) == {"a": text}


def test_what_is_no_control_character_stays() -> None:
    text = "größer\tthan 数 \U0001f600\n"
    assert visible(text) == text


def test_text_that_the_terminal_cannot_write_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    say("größer")
    assert stream.buffer.getvalue() == b"gr\\xf6\\xdfer\n"


def test_cells_that_begin_like_a_formula_are_text_and_numbers_stay(tmp_path) -> None:
    cells = ["=HYPERLINK(1)", "+1+1", "-2+3", "@sum", "\tx", "-5", "+1e3", "plain", "a=b", None]
    frame = pd.DataFrame({"=text": cells, "number": [-1.5, 2, 3, 4, 5, 6, 7, 8, 9, None]})
    header, *rows = csv.reader(io.StringIO(csv_text(frame)))
    assert header == ["'=text", "number"]
    assert [row[0] for row in rows] == [*(f"'{cell}" for cell in cells[:5]), "-5", "+1e3", "plain", "a=b", ""]
    assert rows[0][1] == "-1.5"
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(csv_text(frame[["number"]]))), frame[["number"]])
    write_page(Page("t", "l", []), tmp_path, frame)
    assert "'=HYPERLINK" in (tmp_path / "rows.csv").read_text()


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("typer.echo(", ()),
        ("from rich.console import", ()),
        ("print_exc(", ()),
        (".to_csv(", ("report/csv_text.py",)),
        ("torch.load(", ("tasks/files/weights.py", "train/checkpoint.py")),
        ("Image.open(", ("data/image_folder.py",)),
        ("tarfile.open(", ("data/archive.py",)),
        ("pickle.load", ("sweep/runners/workers.py",)),  # from a process of its own
        ("read_csv(", ("data/text_table.py",)),
        ("urlopen(", ()),
    ],
)
def test_there_is_one_way_out_and_one_way_in(words: str, place: tuple[str, ...]) -> None:
    """Whoever prints, exports or reads a file does so where control characters, formulas and sizes are seen to."""
    root = Path(gengap.__file__).parent
    users = {str(file.relative_to(root)) for file in root.rglob("*.py") if words in file.read_text()}
    assert users <= set(place)
