"""``gengap measure``: from files to rows, a table, JSON and a page; and what unusable input is told."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

import gengap
from gengap.cli import main
from gengap.errors import InputError
from gengap.models import build
from gengap.tasks.measure import measure_saved

CHEAP = "param_norm,fro_dist,prod_of_fro,prod_of_fro_over_margin,margin_mean"
OWN = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        print("a network of the user's may print")
        self.first, self.rnn, self.last = nn.Linear(8, 6), nn.LSTM(6, 5, batch_first=True), nn.Linear(5, 10)

    def forward(self, x):
        states = self.rnn(self.first(x[:, 0]))[0]
        return {"states": states, "logits": self.last(states[:, -1])}
"""


def _run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as status:
        main(["measure", *map(str, arguments)])
    return int(status.value.code or 0)


def _save(path: Path, seed: int = 0, **changes: Any) -> Path:
    torch.manual_seed(seed)
    state = build("mlp-1x512", (1, 8, 8), 10).state_dict()
    torch.save({**state, **changes}, path)
    return path


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Path]:
    return _save(tmp_path / "w.pt", 0), _save(tmp_path / "w0.pt", 1)


def test_json_holds_a_row_for_each_measure_and_agrees_with_the_library(
    saved: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    weights, initial = saved
    assert _run("mlp-1x512", "--weights", weights, "--initial", initial, "--measures", CHEAP, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in document["measures"]}
    assert set(rows) == set(CHEAP.split(","))
    assert {"name", "value", "status", "not_covered", "reason", "sign", "formula"} <= set(rows["param_norm"])
    model, start = build("mlp-1x512", (1, 8, 8), 10), build("mlp-1x512", (1, 8, 8), 10)
    model.load_state_dict(torch.load(weights, weights_only=True))
    start.load_state_dict(torch.load(initial, weights_only=True))
    frame = gengap.measure(model, gengap.load("digits"), start, measures=CHEAP.split(","))
    for row in frame.to_dict("records"):
        found = rows[row["name"]]
        assert found["status"] == row["status"]
        assert found["value"] == (pytest.approx(row["value"]) if row["status"] == "ok" else None)


@pytest.mark.parametrize("names", ["param_norm", "margin_mean", "gradient_noise_final"])
def test_the_accuracies_are_the_same_whichever_measure_passes_over_the_data(
    saved: tuple[Path, Path], names: str
) -> None:
    found = measure_saved("mlp-1x512", saved[0], measures=[names])
    model, problem = build("mlp-1x512", (1, 8, 8), 10), gengap.load("digits")
    model.load_state_dict(torch.load(saved[0], weights_only=True))
    for split, part in {"train": problem.train, "test": problem.test}.items():
        pixels = part.x.reshape(len(part.x), 64) / 255
        whitened = (pixels - pixels.mean(1, keepdims=True)) / pixels.std(1, keepdims=True)
        with torch.no_grad():
            said = model(torch.tensor(whitened.reshape(-1, 1, 8, 8), dtype=torch.float32)).argmax(1).numpy()
        assert found.subject["accuracy"][split] == pytest.approx((said == part.y).mean())
    assert found.rows.attrs["train_accuracy"] == (None if names == "param_norm" else found.subject["accuracy"]["train"])


def test_the_table_names_what_is_missing(saved: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("mlp-1x512", "--weights", saved[0], "--measures", CHEAP) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "skipped: needs the weights at initialisation" in out
    assert "5 measures of mlp-1x512 on digits" in out


def test_corrupted_labels_give_other_margins(saved: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    values = []
    for options in ([], ["--corruption", "labels", "--level", "1"]):
        assert _run("mlp-1x512", "--weights", saved[0], "--measures", "margin_mean", "--json", *options) == 0
        values.append(json.loads(capsys.readouterr().out)["measures"][0]["value"])
    assert values[0] != values[1]


def test_the_report_has_page_rows_and_json(saved: tuple[Path, Path], tmp_path: Path) -> None:
    assert _run("mlp-1x512", "--weights", saved[0], "--measures", CHEAP, "--out", tmp_path / "out") == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Measures of mlp-1x512" in page
    assert "needs the weights at initialisation" in page
    assert (tmp_path / "out" / "rows.csv").read_text().startswith("name,family,value")
    assert len(json.loads((tmp_path / "out" / "report.json").read_text())["rows"]) == 5


def test_a_users_network_with_a_dict_of_outputs_and_a_layer_without_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own_measured.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    from importlib import import_module

    net = import_module("own_measured").Net()
    torch.save({"epoch": 3, "model": {f"module.{name}": value for name, value in net.state_dict().items()}}, "w.pt")
    capsys.readouterr()
    arguments = ["own_measured:Net", "--weights", "w.pt", "--measures", CHEAP, "--json"]
    assert _run(*arguments) == 2
    assert "'logits' (2, 10)" in capsys.readouterr().err
    assert _run(*arguments, "--output", "logits") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["measures"]}
    assert (rows["param_norm"]["status"], rows["param_norm"]["not_covered"]) == ("partial", ["rnn"])
    assert rows["margin_mean"]["status"] == "ok"


def _files(folder: Path) -> dict[str, Path]:
    files = {name: folder / f"{name}.pt" for name in ("text", "objects", "list", "other", "nan", "empty")}
    files["text"].write_text("weights")
    files["empty"].write_bytes(b"")
    files["objects"].write_bytes(pickle.dumps(Path("x"), protocol=2))
    torch.save([torch.zeros(2)], files["list"])
    _save(files["other"], **{"1.weight": torch.zeros(3, 3)})
    _save(files["nan"], **{"1.bias": torch.full((512,), torch.nan)})
    return {**files, "absent": folder / "absent.pt"}


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("text", "gengap"),
        ("empty", "gengap"),
        ("objects", "tensors"),
        ("list", "holds no state dict"),
        ("other", "1.weight of"),
        ("nan", "NaN or infinite: 1.bias"),
        ("absent", "There is no"),
    ],
)
def test_weights_that_cannot_be_used(file: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("mlp-1x512", "--weights", _files(tmp_path)[file], "--measures", "l2", "--json") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert told in printed.err
    assert "Traceback" not in printed.err
    assert len(printed.err.strip().splitlines()) <= 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--measures", "l3"], "l3"),
        (["--measures", ","], "No measure is asked for"),
        (["--data", "digitz"], "digitz"),
        (["--subset", "0"], "subset"),
        (["--corruption", "labelz"], "labelz"),
        (["--device", "tpu"], "tpu"),
    ],
)
def test_options_that_cannot_be_used(
    options: list[str], told: str, saved: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("mlp-1x512", "--weights", saved[0], *options) == 2
    assert told in capsys.readouterr().err


def test_a_network_that_does_not_exist(saved: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("mlp-1by512", "--weights", saved[0]) == 2
    assert "mlp-1x512" in capsys.readouterr().err


def _trained(path: Path) -> Path:
    from gengap.data import load
    from gengap.train import Execution, Recipe, train

    recipe = Recipe(model="mlp-1x512", epochs=6, batch_size=32, learning_rate=0.05)
    problem = load("digits", scale="unit", mean=[0.3], std=[0.4])
    torch.save(train(problem, recipe, execution=Execution()).weights, path)
    return path


def test_what_a_network_is_fed_stands_first_and_a_wrong_accuracy_warns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trained with mean and deviation, measured whitened: the accuracy falls, and the answer says what to check."""
    weights = _trained(tmp_path / "w.pt")
    command = ("mlp-1x512", "--weights", weights, "--measures", "cross_entropy", "--json")
    right = ("--scale", "unit", "--mean", "0.3", "--std", "0.4")
    assert _run(*command, *right) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["seen_as"] == "pixels divided by 255, minus 0.3, over 0.4"
    known = document["accuracy"]["test"]
    assert known > 0.9
    assert _run(*command, *right, "--expect-accuracy", known) == 0
    assert json.loads(capsys.readouterr().out)["warning"] == ""
    assert _run(*command, "--scale", "none", "--expect-accuracy", known) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["accuracy"]["test"] != known
    assert ("--mean" in document["warning"]) == (abs(document["accuracy"]["test"] - known) > 0.03)
    assert _run(*command[:-1], "--expect-accuracy", "0.5", "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Seen as: pixels from 0 to 255, each image whitened; training accuracy ")
    assert "Warning: a test accuracy of 50" in " ".join(printed.split())
    assert "each image whitened" in (tmp_path / "out" / "report.html").read_text()


def test_the_accuracy_that_a_checkpoint_states_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = torch.load(_save(tmp_path / "w.pt"), weights_only=True)
    torch.save({"model": state, "val_acc": 97.5}, tmp_path / "last.ckpt")
    command = ("mlp-1x512", "--weights", tmp_path / "last.ckpt", "--measures", "param_norm", "--json")
    assert _run(*command) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["accuracy"]["expected"], document["accuracy"]["stated_in"]) == (0.975, "val_acc")
    assert document["warning"].startswith("Warning: the checkpoint states an accuracy of 97.50% (val_acc).")
    known = document["accuracy"]["test"]
    assert _run(*command, "--expect-accuracy", known) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["warning"], document["accuracy"]["stated_in"]) == ("", "")


@pytest.mark.parametrize(
    "options",
    [("--mean", "a,b"), ("--mean", "1,2"), ("--crop", "-3"), ("--scale", "odd"), ("--layout", "channels-last")],
)
def test_inputs_that_cannot_be_used_are_refused(
    saved: tuple[Path, Path], capsys: pytest.CaptureFixture[str], options: tuple[str, str]
) -> None:
    assert _run("mlp-1x512", "--weights", saved[0], *options) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_the_examples_of_searches_are_chosen_or_given(
    saved: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def document(*options: str) -> dict[str, Any]:
        command = ["mlp-1x512", "--weights", saved[0], "--measures", "pacbayes_flatness", "--data", "digits", "--json"]
        assert _run(*command, *options) == 0
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert answer["measures"][0]["details"]["examples"] == answer["subset"]
        return answer

    assert document("--full")["full"] is True
    assert document("--full")["subset"] == 1000
    assert document("--subset", "70")["subset"] == 70
    assert document()["full"] is False


def test_an_expected_accuracy_in_percent_is_refused(saved: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match=r"fraction, as 0\.97"):
        measure_saved("mlp-1x512", saved[0], expect_accuracy=97)
