"""Makes the work functions of these tests importable, here and in worker processes."""

import os
import sys
from pathlib import Path

import pytest

from gengap.store import Store

HERE = str(Path(__file__).parent)


@pytest.fixture(autouse=True)
def _importable_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")]))
    assert HERE in sys.path


@pytest.fixture
def store(tmp_path: Path):
    with Store(tmp_path / "rows.db") as opened:
        yield opened
