"""Progress bars off a terminal, and in a notebook, whose display is made up here."""

import sys
from types import ModuleType
from typing import Any

import pytest

from gengap.bars import Bars, reported
from gengap.console import Console
from gengap.sweep import Job
from gengap.sweep.progress import Board


class Output:
    """What ``display(..., display_id=True)`` returns; keeps what it was given."""

    shown: list[str]

    def update(self, html: str) -> None:
        self.shown.append(html)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[Output]:
    """The outputs of a notebook, one for each ``display``."""
    outputs: list[Output] = []

    def display(html: str, **_: Any) -> Output:
        outputs.append(Output())
        outputs[-1].shown = [html]
        return outputs[-1]

    module = ModuleType("IPython.display")
    module.HTML, module.display = str, display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    started = Console.__init__

    def in_notebook(self: Console, *arguments: Any, **settings: Any) -> None:
        started(self, *arguments, **{"force_jupyter": True} | settings)

    monkeypatch.setattr(Console, "__init__", in_notebook)
    monkeypatch.setattr("gengap.bars.PAUSE", 0)
    return outputs


def test_off_a_terminal_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with reported(None, "reading") as report:
        report(1, 2, "half")
    assert capsys.readouterr().err == ""


def test_a_function_is_called_as_it_is() -> None:
    calls: list[tuple[int, int | None, str]] = []
    with reported(lambda *call: calls.append(call), "reading") as report:
        report(1, 2, "half")
    assert calls == [(1, 2, "half")]


def test_in_a_notebook_one_output_changes_in_place_and_is_empty_at_the_end(notebook: list[Output]) -> None:
    with reported(None, "reading <b>") as report:
        report(1, 4, "a quarter of <b>")
        report(4, 4, "the end")
    (output,) = notebook
    assert "25%" in output.shown[-3]
    assert "a quarter of &lt;b&gt;" in output.shown[-3]
    assert "100%" in output.shown[-2]
    assert output.shown[-1] == ""


def test_in_a_notebook_nothing_is_shown_where_that_is_asked_for(notebook: list[Output]) -> None:
    with Bars("{task.description}", shown=False) as bars:
        bars.update(bars.add_task("x"), completed=1)
    assert notebook == []


def test_a_sweep_in_a_notebook_has_bars_in_place_of_a_line_for_each_cell(notebook: list[Output]) -> None:
    unit = [Job("a", "the first cell", None)]
    with Board(total=2, reused=0) as board:
        board.started(unit)
        board.report(unit, 1, 2, "epoch 1")
        board.finished(unit, [])
    (output,) = notebook
    assert any("the first cell" in html and "epoch 1" in html for html in output.shown)
    assert "1/2" in output.shown[-2]
