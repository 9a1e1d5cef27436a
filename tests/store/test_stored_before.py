"""What an earlier version stored is found again: nothing is trained or measured twice."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
import stored_before

from gengap.cells import capacity_rows, run
from gengap.cells.pretrained import pretrained_rows
from gengap.store import Store
from gengap.studies.rows import measured
from gengap.studies.zhang2017.trainings import cells
from gengap.sweep import Options

STORED = Options(device="cpu", workers=1, progress=False, stored=True)


def never(payloads, context):
    raise AssertionError("measured again")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENGAP_HOME", str(tmp_path))
    return Path(shutil.copy(stored_before.FILE, tmp_path / "gengap.db"))


def test_every_row_comes_back_as_it_was_written(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        before = connection.execute("SELECT row, history FROM cells ORDER BY rowid").fetchall()
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    with Store(file) as store:
        after = list(store)
    assert len(before) == 14
    # repr tells what == does not: NaN equals itself
    assert repr(after) == repr([json.loads(row) | {"history": json.loads(history)} for row, history in before])


def test_what_is_filtered_by_is_filled_in(file: Path) -> None:
    with Store(file) as store:
        assert len(list(store.records(study=stored_before.STUDY))) == 3
        assert len(list(store.records(model="convnet-5"))) == 2
        assert {row["level"] for row in store.records(corruption="labels", problem="digits")} == {0.0, 0.5, 1.0}
        assert [row["status"] for row in store.records(level=0.5)] == ["diverged"]


def test_every_road_finds_its_rows(file: Path) -> None:
    with Store(file) as store:
        trained, _ = run(stored_before.grid(), store, STORED)
        pretrained = pretrained_rows(stored_before.networks(), store, STORED)
        capacity = capacity_rows(stored_before.grid()[:2], store, stored_before.TRIAL, STORED)
        study, _ = run(cells(stored_before.study_configs()), store, STORED)
    assert [row["status"] for row in trained] == ["done"] * 4 + ["diverged"]
    assert [row["status"] for row in pretrained] == ["done"] * 2
    assert [row["trial_reason"] for row in capacity] == [None] * 2
    assert [row["status"] for row in study] == ["done"] * 2
    assert all(len(row["history"]) == row["epochs"] for row in [*trained, *pretrained, *study])


def test_results_are_not_measured_again(file: Path) -> None:
    configs = [stored_before.Made(0), stored_before.Made(3)]
    options = Options(device="cpu", workers=1, progress=False)
    rows = measured(stored_before.STUDY, configs, stored_before.COLUMNS, never, options)
    assert [(row["status"], row["square"]) for row in rows] == [("done", 0), ("done", 9)]
    assert repr(rows[0]["infinite"]) == "inf"
    assert repr(rows[1]["infinite"]) == "nan"
