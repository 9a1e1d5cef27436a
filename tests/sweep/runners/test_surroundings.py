import os
import sys
from pathlib import Path

import pytest

from gengap.sweep.runners.surroundings import Surroundings


def test_of_the_environment_only_what_concerns_gengap_goes_to_another_machine(monkeypatch) -> None:
    monkeypatch.setenv("GENGAP_DATA", "/data")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    here = Surroundings.of_this_process()
    sent = here.for_another_machine()
    assert here.variables["CUDA_VISIBLE_DEVICES"] == "3"
    assert "CUDA_VISIBLE_DEVICES" not in sent.variables
    assert sent.variables["GENGAP_DATA"] == "/data"
    assert sent[:2] == here[:2]


def test_a_node_keeps_its_own_and_adds_what_exists_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["/of-the-node"])
    monkeypatch.setenv("GENGAP_DATA", "/of-the-node")
    monkeypatch.setenv("GENGAP_HOME", "")  # put back at the end, whatever is set meanwhile
    monkeypatch.delenv("GENGAP_HOME")
    Surroundings("/not/here", ["/not/here", str(tmp_path)], {"GENGAP_DATA": "/a", "GENGAP_HOME": "/b"}).follow()
    assert Path.cwd() == tmp_path
    assert sys.path == ["/of-the-node", str(tmp_path)]
    assert (os.environ["GENGAP_DATA"], os.environ["GENGAP_HOME"]) == ("/of-the-node", "/b")


def test_a_working_folder_that_was_removed_is_empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert Surroundings.of_this_process().folder == ""
