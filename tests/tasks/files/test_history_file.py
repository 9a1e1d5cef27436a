"""The history of a training from a file: each form that gengap writes, and what cannot be used."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from gengap.cli import main
from gengap.errors import InputError
from gengap.models import build
from gengap.store import Store
from gengap.tasks.files import read_history

HISTORY = [
    {"epoch": 1, "steps": 40, "train_loss": 0.5},
    {"epoch": 2, "steps": 80, "train_loss": None},
    {"epoch": 3, "steps": 120, "train_loss": 0.09},
    {"epoch": 4, "steps": 160, "train_loss": 0.008},
]


def _run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as status:
        main(list(map(str, arguments)))
    return int(status.value.code or 0)


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_what_gengap_runs_export_writes_is_read_back(form: str, tmp_path: Path) -> None:
    with Store(tmp_path / "runs.db") as store:
        store.put({"key": "a" * 32, "status": "done", "history": HISTORY})
    out = tmp_path / f"history.{form}"
    options = ["--history"] if form != "json" else []
    assert _run("runs", "export", "--format", form, *options, "--store", tmp_path / "runs.db", "--out", out) == 0
    read = [{name: record[name] for name in HISTORY[0]} for record in read_history(out)]
    assert read == HISTORY


@pytest.mark.parametrize("document", [HISTORY, {"history": HISTORY}, {"title": "x", "rows": [{"history": HISTORY}]}])
def test_json_in_each_form(document: Any, tmp_path: Path) -> None:
    (tmp_path / "history.json").write_text(json.dumps(document))
    assert read_history(tmp_path / "history.json") == HISTORY


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("two.json", json.dumps({"rows": [{"history": HISTORY}] * 2}), "histories of 2 runs"),
        ("two.csv", "key,steps,train_loss\na,1,0.5\nb,1,0.4\n", "histories of 2 runs"),
        ("none.json", "{}", "histories of 0 runs"),
        ("broken.json", "[", "is no JSON"),
        ("words.json", '[{"steps": 1, "train_loss": "low"}]', "where a record should be"),
        ("numbers.json", "[1]", "holds 1 where a record should be"),
        ("other.csv", "epoch,loss\n1,0.5\n", "where a record should be"),
        ("empty.csv", "steps,train_loss\n", "no rows"),
    ],
)
def test_what_cannot_be_used_is_told(name: str, text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=told):
        read_history(tmp_path / name)
    with pytest.raises(InputError, match=r"There is no file"):
        read_history(tmp_path / f"absent-{name}")


def test_with_a_history_the_command_measures_how_fast_training_went(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(build("mlp-1x512", (1, 8, 8), 10).state_dict(), tmp_path / "w.pt")
    (tmp_path / "history.json").write_text(json.dumps(HISTORY))
    names = "steps_to_ce_0_1,steps_ce_0_1_to_0_01"
    arguments = ["measure", "mlp-1x512", "--weights", tmp_path / "w.pt", "--measures", names, "--json"]
    assert _run(*arguments, "--history", tmp_path / "history.json") == 0
    rows = json.loads(capsys.readouterr().out)["measures"]
    assert {row["name"]: (row["value"], row["status"]) for row in rows} == {
        "steps_to_ce_0_1": (120.0, "ok"),
        "steps_ce_0_1_to_0_01": (40.0, "ok"),
    }
    assert _run(*arguments, "--history", tmp_path / "absent.csv") == 2
    assert "There is no file" in capsys.readouterr().err
