"""The randomization test end to end: the effect on digits, its report, and every bad input."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gengap
from gengap.cli import main
from gengap.errors import InputError
from gengap.sweep import Options
from gengap.tasks.randomize.task import _grid
from gengap.train import choose_recipe, preset

pytestmark = pytest.mark.usefixtures("one_core")

FAST = ["--set", "epochs=2", "--workers", "1", "--device", "cpu", "--set", "precision=float32"]


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["randomize", *arguments])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def test_the_effect_on_digits(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["--levels", "0,1", "--workers", "1", "--json"], capsys)
    document = json.loads(out)
    true, random = document["rows"]
    assert code == 0
    assert true["train_accuracy"] >= 0.995
    assert true["test_accuracy"] >= 0.95
    assert random["train_accuracy"] >= 0.995
    assert 0.04 <= random["test_accuracy"] <= 0.16  # chance is 0.1; its standard error on 500 images 0.013
    assert random["epochs_to_fit"] > true["epochs_to_fit"]
    assert document["summary"]["verdict"] == "memorises"
    assert document["summary"]["slowdown"] == random["epochs_to_fit"] / true["epochs_to_fit"]


def test_out_writes_the_whole_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report"
    arguments = ["--corruption", "labels,random-pixels", "--levels", "0,0.5", "--out", str(out)]
    code, text, _ = run([*arguments, *FAST], capsys)
    assert code == 0
    assert "did not memorise within this budget" in text
    assert {"report.html", "report.json", "rows.csv", "learning-curves.png", "learning-curves.svg"} <= {
        path.name for path in out.iterdir()
    }
    rows = pd.read_csv(out / "rows.csv")
    assert list(zip(rows["corruption"], rows["level"], strict=True)) == [
        ("labels", 0.0),
        ("labels", 0.5),
        ("random-pixels", 1.0),
    ]
    assert json.loads((out / "report.json").read_text())["summary"]["verdict"] == "not-memorised"


def test_uncorrupted_data_are_always_there(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(["--corruption", "gaussian", "--json", *FAST], capsys)
    assert [row["corruption"] for row in json.loads(out)["rows"]] == ["none", "gaussian"]


def test_random_labels_are_not_counted_twice(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(["--corruption", "random-labels,labels", "--levels", "0,1", "--json", *FAST], capsys)
    document = json.loads(out)
    assert [(row["corruption"], row["level"]) for row in document["rows"]] == [("labels", 0.0), ("labels", 1.0)]
    assert document["summary"]["random_labels"]["seeds"] == 1


def test_json_is_one_document_without_nan_and_a_second_run_gives_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--levels", "0", "--set", "learning_rate=1e30", "--json", *FAST]
    code, first, _ = run(arguments, capsys)

    def refuse(constant: str) -> Any:
        raise AssertionError(constant)

    rows = json.loads(first, parse_constant=refuse)["rows"]
    assert code == 0
    assert rows[0]["status"] == "diverged"
    assert rows[0]["train_loss"] is None
    assert run(arguments, capsys)[1] == first


def test_python_and_command_line_agree(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, out, _ = run(["--levels", "0.5", "--seeds", "1,2", "--json", *FAST], capsys)
    problem = gengap.load("digits")
    recipe = choose_recipe(None, problem, changes={"epochs": "2", "precision": "float32"})
    options = Options(device="cpu", workers=1, progress=False)
    test = gengap.randomize(problem, recipe=recipe, levels=[0.5], seeds=[1, 2], store=tmp_path / "s", options=options)
    timed = {"seconds"}
    for row, expected in zip(test.to_json()["rows"], json.loads(out)["rows"], strict=True):
        assert {k: v for k, v in row.items() if k not in timed} == {k: v for k, v in expected.items() if k not in timed}


def test_class_names_from_a_users_file_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 4)), columns=list("abcd"))
    frame["label"] = np.where(frame["a"] > 0, "<script>alert(1)</script>", "plain")
    frame["part"] = ["train"] * 40 + ["test"] * 20
    path = tmp_path / "x.csv"
    frame.to_csv(path, index=False)
    columns = ["--label-column", "label", "--split-column", "part"]
    code, _, _ = run(["--data", str(path), *columns, "--out", str(tmp_path / "out"), *FAST], capsys)
    assert code == 0
    assert "<script>alert" not in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "digit"], "digits"),
        (["--model", "mpl-1x512"], "mlp-1x512"),
        (["--corruption", "lables"], "labels"),
        (["--recipe", "digitz"], "digits"),
        (["--recipe", "absent.json"], "absent.json"),
        (["--levels", "0,1.5"], "1.5"),
        (["--levels", "nan"], "nan"),
        (["--levels", "half"], "list of numbers"),
        (["--seeds", "-1"], "seeds"),
        (["--corruption", ","], "at least one corruption"),
        (["--set", "learning_rate=-1"], "learning_rate"),
        (["--set", "learning_rat=1"], "learning_rat"),
        (["--set", "epochs"], "NAME=VALUE"),
        (["--device", "tpu"], "auto, cpu or cuda"),
        (["--model", "convnet-3"], "9 x 9"),
        (["--model", "wrong_width:make"], "10 classes"),
    ],
)
def test_bad_input_is_one_message_and_status_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "wrong_width.py").write_text(
        "import torch\ndef make(shape, classes):\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, classes + 1))\n"
    )
    monkeypatch.chdir(tmp_path)
    code, out, err = run([*FAST, *arguments], capsys)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) <= 3


def test_standard_output_holds_the_answer_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "talks.py").write_text(
        "import torch\nprint('imported')\ndef make(shape, classes):\n    print('made')\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, classes))\n"
    )
    monkeypatch.chdir(tmp_path)
    code, out, err = run([*FAST, "--levels", "0", "--model", "talks:make", "--json"], capfd)
    assert code == 0
    assert set(json.loads(out)) == {"rows", "summary"}
    assert "made" in err


@pytest.mark.parametrize("where", ["out", "store"])
def test_a_folder_that_cannot_be_written_is_told_before_training(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    code, out, err = run([*FAST, f"--{where}", str(tmp_path / "file" / "below")], capsys)
    assert (code, out) == (2, "")
    assert "below" in err
    assert "done" not in err  # no cell was trained


def test_a_recipe_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"learning_rate": 0.3, "epochs": 7}')
    problem = gengap.load("digits")
    recipe = choose_recipe(str(path), problem, "mlp-3x512")
    assert (recipe.learning_rate, recipe.epochs, recipe.model) == (0.3, 7, "mlp-3x512")
    for text in ("[1]", "{"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"mine\.json"):
            choose_recipe(str(path), problem)


def test_a_cell_that_fails_gives_status_3_and_the_others_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "breaks.py").write_text(
        "import torch\nclass Net(torch.nn.Module):\n"
        "    def __init__(self, shape, classes):\n        super().__init__()\n"
        "        self.layer = torch.nn.Linear(64, classes)\n"
        "    def forward(self, x):\n"
        "        if self.training:\n            raise RuntimeError('no luck')\n"
        "        return self.layer(x.flatten(1))\n"
    )
    monkeypatch.chdir(tmp_path)
    code, out, _ = run([*FAST, "--model", "breaks:Net", "--json"], capsys)
    document = json.loads(out)
    assert code == 3
    assert {row["status"] for row in document["rows"]} == {"failed"}
    assert "no luck" in document["rows"][0]["reason"]
    assert document["summary"]["verdict"] == "undecided"


def test_cells_asked_for_twice_are_there_once() -> None:
    assert _grid(gengap.load("digits"), ["labels", "labels"], [0, 1, 1.0], [0, 0]) == [
        (0, "labels", 0.0),
        (0, "labels", 1.0),
    ]


def test_own_data_named_as_a_data_set_do_not_get_its_recipe(tmp_path) -> None:
    digits = gengap.load("digits").take(20, 10)
    arrays = {"x_train": digits.train.x, "y_train": digits.train.y, "x_test": digits.test.x, "y_test": digits.test.y}
    np.savez(tmp_path / "digits.npz", **arrays)
    own = gengap.load(tmp_path / "digits.npz")
    assert own.name == digits.name
    assert choose_recipe(None, digits) == preset("digits")
    assert choose_recipe(None, own) == preset("zhang2017-mlp")
