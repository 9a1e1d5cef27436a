"""From configurations to rows, whatever became of their cells."""

from pathlib import Path

import pytest

from gengap.cells import Options
from gengap.studies.training import trained
from gengap.studies.zhang2017.setting import MLP_1, Config, cells
from gengap.train import OUTCOME


def test_a_cell_without_a_row_stays_visible(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GENGAP_HOME", str(tmp_path))
    monkeypatch.setattr("gengap.cells.run", lambda cells, store, options: ([], None))
    configs = [Config("smoke", MLP_1, level=level) for level in (0.0, 1.0)]
    rows = trained(configs, cells(configs), Options())
    assert [(row["level"], row["status"], row["history"]) for row in rows] == [
        (0.0, "missing", []),
        (1.0, "missing", []),
    ]
    assert all(row[column] is None for row in rows for column in OUTCOME if column not in ("status", "reason"))
