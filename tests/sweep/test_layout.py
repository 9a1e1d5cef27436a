import json
import os
import time
from pathlib import Path

import layout_work as work
import pytest

from gengap.sweep import Layout, choose_layout
from gengap.sweep.layout import _candidates, _rate


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("GENGAP_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("cores", "expected"), [(1, [(1, 1)]), (2, [(1, 2), (2, 1)]), (6, [(1, 6), (2, 3), (4, 1), (6, 1)])]
)
def test_candidates_use_the_cores_there_are(cores: int, expected: list) -> None:
    assert _candidates(cores) == [Layout(*pair) for pair in expected]


def test_rate_counts_pieces_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 10.0, 10.5, 11.0, 11.6, 12.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert _rate(lambda: None, 1.5) == pytest.approx(3 / 1.6)


def test_one_piece_is_always_measured() -> None:
    assert _rate(lambda: time.sleep(0.01), 0.0) > 0


def test_work_that_threads_do_not_speed_up_gets_many_workers(home: Path) -> None:
    assert choose_layout(work.prepare_sleep, "sleep", units=9, cores=4, seconds=0.2) == Layout(4, 1)
    # kept: the same work now could not even be prepared
    assert choose_layout(work.prepare_error, "sleep", units=9, cores=4) == Layout(4, 1)
    assert choose_layout(work.prepare_error, "sleep", units=2, cores=4) == Layout(2, 2)
    (measured,) = json.loads((home / "layouts.json").read_text()).values()
    assert [(m["workers"], m["threads"]) for m in measured] == [(1, 4), (2, 2), (4, 1)]


def test_work_that_threads_speed_up_gets_one_worker() -> None:
    assert choose_layout(work.prepare_threaded, "threaded", units=9, cores=4, seconds=0.2) == Layout(1, 4)


def test_layouts_are_measured_at_the_same_time(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("MEET_IN", str(home))
    choose_layout(work.prepare_meet, "meet", units=9, cores=2, seconds=0.0)


def test_layouts_without_enough_memory_are_not_chosen() -> None:
    assert choose_layout(work.prepare_hungry, "hungry", units=9, cores=4, seconds=0.1) == Layout(2, 2)
    assert choose_layout(work.prepare_killed, "killed", units=9, cores=2, seconds=0.1) == Layout(1, 2)


def test_work_that_cannot_be_prepared_is_told() -> None:
    with pytest.raises(RuntimeError, match="ValueError: no such model"):
        choose_layout(work.prepare_error, "error", units=9, cores=2)


def test_nothing_is_measured_where_there_is_no_choice(home: Path) -> None:
    assert choose_layout(work.prepare_error, "error", units=1, cores=4) == Layout(1, 4)
    assert choose_layout(work.prepare_error, "error", units=9, cores=1) == Layout(1, 1)
    assert not os.listdir(home)
