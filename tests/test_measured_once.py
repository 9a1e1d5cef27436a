import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gengap.errors import InputError
from gengap.measured_once import measured_once


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("GENGAP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def own(key: str, measure: Callable[[], Any], read: Callable[[Any], Any] = lambda value: value) -> Any:
    return measured_once("speed.json", key, measure, read)


def never():
    raise AssertionError("measured again")


def test_each_key_is_measured_once(home: Path) -> None:
    assert own("a", lambda: {"per_second": 0.5}) == {"per_second": 0.5}
    assert own("b", lambda: None) is None
    assert own("a", never) == {"per_second": 0.5}
    assert own("b", never) is None
    assert os.listdir(home) == ["speed.json"]


def test_what_another_process_wrote_meanwhile_stays() -> None:
    own("a", lambda: own("b", lambda: 2) - 1)
    assert own("a", never) == 1
    assert own("b", never) == 2


@pytest.mark.parametrize("damaged", [b"", b"[]", b'{"a": ', b"\xff\xfe"])
def test_a_damaged_file_is_measured_anew(home: Path, damaged: bytes, capsys) -> None:
    home.mkdir()
    (home / "speed.json").write_bytes(damaged)
    assert own("a", lambda: 1) == 1
    assert "speed.json is damaged" in capsys.readouterr().err
    assert own("a", never) == 1


def test_a_folder_that_cannot_be_made(home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(InputError, match="GENGAP_HOME"):
        own("a", lambda: 1)


def test_two_processes_that_measure_the_same_agree_on_the_first() -> None:
    assert own("a", lambda: own("a", lambda: "first") and "second") == "first"


@pytest.mark.parametrize("odd", [None, 3, [], {}, {"rate": "fast"}])
def test_a_value_of_odd_form_is_measured_anew_and_the_others_stay(home: Path, odd: object, capsys) -> None:
    home.mkdir()
    (home / "speed.json").write_text(json.dumps({"a": odd, "b": 2}))
    assert own("a", lambda: {"rate": 5}, lambda found: float(found["rate"])) == 5
    assert "is damaged" in capsys.readouterr().err
    assert json.loads((home / "speed.json").read_text()) == {"a": {"rate": 5}, "b": 2}
