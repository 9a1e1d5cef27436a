import time

import pytest

from gengap.sweep import Failure, Job
from gengap.sweep.progress import Board, duration


def unit(*keys: str) -> list[Job]:
    return [Job(key, f"[/red] {key}", None) for key in keys]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (99.4, "99 s"),
        (99.6, "2 min"),
        (3569, "59 min"),
        (3600, "1 h 0 min"),
        (7199, "2 h 0 min"),
        (12000, "3 h 20 min"),
    ],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_estimate_counts_what_is_done_and_leaves_out_what_was_stored(clock, capsys) -> None:
    with Board(total=7, reused=3) as board:
        board.started(unit("a"))
        board.started(unit("b", "c"))
        clock[0] = 60.0
        board.report(unit("b", "c"), 1, 4, "accuracy 0.91")  # half a job of the four that are missing
        board.finished(unit("a"), [])  # and one more
        clock[0] = 90.0
        board.finished(unit("b", "c"), [Failure("c", "", "failed", "why")])
    assert capsys.readouterr().err.splitlines() == [
        "3 of 7 cells are stored already",
        "[4/7] [/red] a: done (60 s, about 2 min left)",  # 60 s for 1.5 jobs: 100 s for 2.5
        "[5/7] [/red] b: done (90 s, about 90 s left)",
        "[6/7] [/red] c: failed: why (90 s, about 30 s left)",
    ]


def test_a_terminal_gets_a_bar_for_each_running_unit(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "160"}.items():
        monkeypatch.setenv(name, value)
    with Board(total=4, reused=0) as board:
        for running in (unit("a"), unit("b", "c")):
            board.started(running)
        board.report(unit("a"), 3, 20, "accuracy 0.91")
    out, err = capsys.readouterr()
    assert out == ""
    for shown in ("all cells", "0/4", "[/red] a", "3/20", "accuracy 0.91", "[/red] b and 1 more", "starting"):
        assert shown in err
