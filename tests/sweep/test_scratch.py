"""Temporary folders are removed, those of killed processes by the next process."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from gengap.sweep import scratch_folder
from gengap.sweep.scratch import remove_abandoned

KILLED = """
import os, signal
from gengap.sweep import scratch_folder
with scratch_folder() as folder:
    (folder / "data").write_text("large")
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def _temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_a_folder_is_there_as_long_as_it_is_needed() -> None:
    with scratch_folder() as folder:
        (folder / "data").write_text("large")
    assert not folder.exists()


def test_folders_of_killed_processes_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    out = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, check=False).stdout
    left = Path(out.strip())
    assert (left / "data").exists()
    with scratch_folder() as mine:
        assert not left.exists()
        with scratch_folder() as another:
            assert mine.exists()
            assert another.exists()


def test_a_folder_that_is_just_being_made_stays(tmp_path: Path) -> None:
    fresh, old = tmp_path / "gengap-scratch-fresh", tmp_path / "gengap-scratch-old"
    for folder in (fresh, old):
        folder.mkdir()
    os.utime(old, (time.time() - 1000,) * 2)
    assert remove_abandoned() == 1
    assert fresh.exists()
