"""Rows of studies, measured or trained: made once, stored, whole whatever became of them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from gengap.errors import InputError
from gengap.store import Row, Store
from gengap.studies.rows import Source, measured, trained
from gengap.studies.zhang2017.trainings import MLP_1, Config, cells
from gengap.sweep import Context, Options
from gengap.train import OUTCOME

OPTIONS = Options(progress=False)
CALLS: list[list[int]] = []


@dataclass(frozen=True)
class Made:
    """A configuration."""

    x: int
    group: str = "a"


def squares(configs: list[Made], context: Context) -> list[Row]:
    """The square of x; none for negative ones."""
    CALLS.append([config.x for config in configs])
    if any(config.x < 0 for config in configs):
        raise ValueError("no roots here")
    return [{"status": "done", "reason": None, "square": config.x**2} for config in configs]


@pytest.fixture(autouse=True)
def _own_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, in_this_process: None) -> None:
    monkeypatch.setenv("GENGAP_HOME", str(tmp_path))
    CALLS.clear()


def test_each_configuration_is_measured_once() -> None:
    configs = [Made(2), Made(3)]
    first = measured("made/up", configs, ("square", "other"), squares, OPTIONS)
    assert [(row["x"], row["square"], row["status"], row["other"]) for row in first] == [
        (2, 4, "done", None),
        (3, 9, "done", None),
    ]
    more = measured("made/up", [*configs, Made(4)], ("square", "other"), squares, OPTIONS)
    assert more[:2] == first
    assert CALLS == [[2], [3], [4]]


def test_those_that_go_together_share_a_call() -> None:
    configs = [Made(1, "a"), Made(2, "b"), Made(3, "a")]
    rows = measured("made/up", configs, ("square",), squares, OPTIONS, together=lambda config: config.group)
    assert CALLS == [[1, 3], [2]]
    assert [row["square"] for row in rows] == [1, 4, 9]


def test_another_study_has_rows_of_its_own() -> None:
    for name in ("made/up", "made/other"):
        measured(name, [Made(1)], ("square",), squares, OPTIONS)
    assert CALLS == [[1], [1]]


def test_another_revision_is_measured_anew() -> None:
    for revision in (0, 1, 1):
        measured("made/up", [Made(1)], ("square",), squares, OPTIONS, revision=revision)
    assert CALLS == [[1], [1]]


def test_a_device_that_is_not_there_is_refused_before_anything_is_measured() -> None:
    with pytest.raises(InputError, match="nope"):
        measured("made/up", [Made(1)], ("square",), squares, Options(device="nope", progress=False))
    assert CALLS == []


def test_data_that_are_not_there_are_refused_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def needs(config: Made) -> Source:
        return {1: None, 2: "digits", 3: "mnist", 4: refuse}[config.x]

    def refuse() -> None:
        raise InputError("No labels here.")

    monkeypatch.setenv("GENGAP_DATA", str(tmp_path / "empty"))
    for absent, message in ((3, "mnist is not in"), (4, "No labels here")):
        with pytest.raises(InputError, match=message):
            measured("made/up", [Made(1), Made(2), Made(absent)], ("square",), squares, OPTIONS, data=needs)
    assert CALLS == []
    measured("made/up", [Made(3)], ("square",), squares, OPTIONS)
    measured("made/up", [Made(1), Made(2), Made(3)], ("square",), squares, OPTIONS, data=needs)  # 3 is stored
    assert CALLS == [[3], [1], [2]]


def test_what_failed_or_was_never_measured_stays_visible() -> None:
    (failed,) = measured("made/up", [Made(-1)], ("square",), squares, OPTIONS)
    assert failed["status"] == "failed"
    assert "no roots here" in failed["reason"]
    assert failed["square"] is None
    (missing,) = measured("made/up", [Made(5)], ("square",), squares, Options(stored=True))
    assert missing["status"] == "missing"
    assert missing["square"] is None
    assert CALLS == [[-1]]


def test_a_cell_without_a_row_stays_visible() -> None:
    configs = [Config("smoke", MLP_1, level=level) for level in (0.0, 1.0)]
    rows = trained(configs, cells(configs), Options(stored=True))
    assert [(row["level"], row["status"], row["history"]) for row in rows] == [
        (0.0, "missing", []),
        (1.0, "missing", []),
    ]
    assert all(row[column] is None for row in rows for column in OUTCOME if column not in ("status", "reason"))
    assert {row["seen_as"] for row in rows} == {"pixels from 0 to 255, each image whitened"}


@dataclass(frozen=True)
class OfKind:
    """A configuration with a kind of its own."""

    x: int
    kind: str = "network"


def test_a_store_finds_rows_by_the_name_of_their_study() -> None:
    measured("made/up", [OfKind(1)], ("square",), squares, OPTIONS)
    measured("made/other", [Made(2)], ("square",), squares, OPTIONS)
    with Store() as store:
        found = {name: [row["square"] for row in store.records(study=name)] for name in ("made/up", "made/other")}
    assert found == {"made/up": [1], "made/other": [4]}
