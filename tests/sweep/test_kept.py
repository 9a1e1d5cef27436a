import os
from pathlib import Path

import pytest

from gengap.errors import InputError
from gengap.sweep.kept import kept


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("GENGAP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def never():
    raise AssertionError("measured again")


def test_each_key_is_measured_once(home: Path) -> None:
    assert kept("speed.json", "a", lambda: {"per_second": 0.5}) == {"per_second": 0.5}
    assert kept("speed.json", "b", lambda: None) is None
    assert kept("speed.json", "a", never) == {"per_second": 0.5}
    assert kept("speed.json", "b", never) is None
    assert os.listdir(home) == ["speed.json"]


def test_what_another_process_kept_meanwhile_stays() -> None:
    kept("speed.json", "a", lambda: kept("speed.json", "b", lambda: 2) - 1)
    assert kept("speed.json", "a", never) == 1
    assert kept("speed.json", "b", never) == 2


@pytest.mark.parametrize("damaged", [b"", b"[]", b'{"a": ', b"\xff\xfe"])
def test_a_damaged_file_is_measured_anew(home: Path, damaged: bytes) -> None:
    home.mkdir()
    (home / "speed.json").write_bytes(damaged)
    assert kept("speed.json", "a", lambda: 1) == 1
    assert kept("speed.json", "a", never) == 1


def test_a_folder_that_cannot_be_made(home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(InputError, match="GENGAP_HOME"):
        kept("speed.json", "a", lambda: 1)


def test_two_processes_that_measure_the_same_agree_on_the_first() -> None:
    assert kept("speed.json", "a", lambda: kept("speed.json", "a", lambda: "first") and "second") == "first"
