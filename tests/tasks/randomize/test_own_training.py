"""The randomization test of a training of one's own, and of results from elsewhere."""

import functools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import gengap
from gengap.cli import main
from gengap.errors import InputError
from gengap.sweep import Options
from gengap.tasks.randomize import from_results

pytestmark = pytest.mark.usefixtures("one_core", "in_this_process")
QUIET = Options(device="cpu", workers=1, progress=False)

CODE = """
import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from my_helper import NEIGHBOURS

print("imported")

def fit(problem, seed, neighbours=NEIGHBOURS):
    print("fitting")
    x = problem.train.x.reshape(len(problem.train), -1)
    return KNeighborsClassifier(neighbours).fit(x, problem.train.y)

def nothing(problem, seed):
    pass

def unseeded(problem, seed):
    return tuple(np.random.default_rng().integers(10, size=len(s)) for s in (problem.train, problem.test))

def in_place(problem, seed):
    import torch
    torch.from_numpy(problem.train.x).mul_(2)
    return problem.train.y, problem.test.y

def overwrites(problem, seed):
    problem.train.y[:] = 0

def breaks(problem, seed):
    if problem.steps[-1].get("level") == 1.0 or problem.steps[-2].get("level") == 1.0:
        raise RuntimeError("no luck")
    return problem.train.y, problem.test.y

def mistyped(problem, seed):
    print("called")
    return problem.train.X, problem.test.y

def below(problem, seed):
    return np.concatenate([problem.train.x[:1], np.zeros(3)])

def three_arguments(problem, seed, more):
    pass
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's, named as no other so that no other's modules are taken for its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_helper.py").write_text("NEIGHBOURS = 1\n")
    (tmp_path / "my_fits.py").write_text(CODE)
    for name in ("my_helper", "my_fits"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    np.savez(tmp_path / "few.npz", **_arrays())
    return tmp_path


def _arrays() -> dict[str, Any]:
    digits = gengap.load("digits").take(120, 60)
    return {"x_train": digits.train.x, "y_train": digits.train.y, "x_test": digits.test.x, "y_test": digits.test.y}


def run(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["randomize", "--data", "few.npz", "--workers", "1", *arguments])
    captured = capfd.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def test_a_function_of_a_file_gives_rows_page_and_verdict_and_standard_output_the_answer_alone(
    mine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--train", "my_fits:fit", "--levels", "0,1", "--out", "report", "--json"]
    code, out, err = run(arguments, capfd)
    document = json.loads(out)
    summary, (true, random) = document["summary"], document["rows"]
    assert code == 0
    assert "fitting" in err
    assert (true["train_accuracy"], random["train_accuracy"], summary["verdict"]) == (1.0, 1.0, "memorises")
    assert true["model"] == "my_fits:fit"
    assert true["epochs_to_fit"] is None
    assert true["not_known"]["epochs_to_fit"] == "the training returns no history"
    assert summary["slowdown_reason"] == "how many epochs a training took is not known"
    assert summary["training"]["repeat"]["same"] is True
    assert summary["training"]["stored"] is True
    page = (mine / "report" / "report.html").read_text()
    assert "gave the same answers" in page
    assert "the training returns no history" in page
    again = run(arguments, capfd)
    assert "fitting" not in again[2]  # all of it was stored
    assert json.loads(again[1]) == document


def test_rows_follow_the_code_of_the_function_of_what_it_imports_and_its_settings(
    mine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def accuracy(*more: str) -> float:
        _, out, _ = run(["--train", "my_fits:fit", "--levels", "0", "--json", *more], capfd)
        return float(json.loads(out)["rows"][0]["train_accuracy"])

    first = accuracy()
    assert accuracy("--set", "neighbours=50") < first == 1.0
    (mine / "my_helper.py").write_text("NEIGHBOURS = 50\n# longer\n")
    for name in ("my_helper", "my_fits"):  # as in a new process
        del sys.modules[name]
    assert accuracy() < 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--train", "my_fits:nothing"], "returned nothing"),
        (["--train", "my_fits:in_place"], "changed its data in place: problem.train.x"),
        (["--train", "my_fits:overwrites"], "writes into the arrays of its problem, which are read-only"),
        (["--train", "my_fits:fits"], "fit"),
        (["--train", "no_such_module:fit"], "no_such_module"),
        (["--train", "my_fits"], "module:function"),
        (["--train", "my_fits:three_arguments"], "takes the arguments (problem, seed, more)"),
        (["--train", "my_fits:fit", "--set", "neighbors=2"], "neighbours"),
        (["--train", "my_fits:fit", "--model", "mlp-1x512"], "--model beside --train"),
        (["--train", "torch.nn:Flatten"], "is a network, not a training"),
        (["--train", "pathlib:Path"], "is a class without fit and predict"),
        (["--train", "sklearn.tree:DecisionTreeClassifier", "--set", "depth=2"], "unexpected keyword argument 'depth'"),
        (["--train", "sklearn.tree:DecisionTreeClassifier", "--set", "max_depth=x"], "max_depth"),
        (["--results", "absent.csv"], "absent.csv"),
        (["--results", "bad.csv"], "train_accuracy of 98.0"),
        (["--results", "short.csv"], "no column train_accuracy"),
        (["--results", "bad.csv", "--train", "my_fits:fit"], "--train beside --results"),
    ],
    ids=str,
)
def test_bad_input_is_one_message(
    arguments: list[str], message: str, mine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (mine / "bad.csv").write_text("level,train_accuracy\n0,98.0\n")
    (mine / "short.csv").write_text("level,accuracy\n0,0.98\n")
    code, out, err = run(arguments, capfd)
    if "max_depth=x" in arguments:  # scikit-learn checks values when it fits: a failed cell
        assert code == 3
        return
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_two_runs_of_one_seed_that_differ_are_reported(mine: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["--train", "my_fits:unseeded", "--levels", "0"], capfd)
    assert code == 0
    assert "two runs with seed 0 differ" in " ".join(out.split())


def test_a_training_that_fails_on_some_labels_costs_those_cells(mine: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["--train", "my_fits:breaks", "--levels", "0,1", "--json"], capfd)
    rows = json.loads(out)["rows"]
    assert code == 3
    assert [row["status"] for row in rows] == ["done", "failed"]
    assert "no luck" in rows[1]["reason"]


@pytest.mark.parametrize(
    ("name", "code"), [("mistyped", "problem.train.X, problem"), ("below", "return np.concatenate([")]
)
def test_a_training_that_always_raises_is_told_with_its_line_and_tried_once_a_cell(
    name: str, code: str, mine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = next(number for number, text in enumerate(CODE.split("\n"), 1) if code in text)
    status, out, err = run(["--train", f"my_fits:{name}", "--levels", "0,1", "--out", "report"], capfd)
    told = " ".join(out.split())
    assert status == 3
    assert err.count("called") == (2 if name == "mistyped" else 0)
    assert "Undecided: every cell failed with" in told
    assert ("AttributeError" if name == "mistyped" else "ValueError: all the input array") in told
    assert f"(my_fits.py, line {line})." in told
    assert f"Next: mend my_fits.py, line {line}," in told
    assert "Guessing would score" not in told
    assert "was not checked" not in told
    page = (mine / "report" / "report.html").read_text()
    assert f"(my_fits.py, line {line})" in page
    assert f"Next: mend my_fits.py, line {line}," in page
    assert "Slowdown" not in page


def test_an_estimator_that_always_raises_has_no_line_of_the_users(
    mine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train = ["--train", "sklearn.neighbors:KNeighborsClassifier", "--set", "n_neighbors=0", "--levels", "0,1"]
    status, out, _ = run(train, capfd)
    assert status == 3
    assert "None of your own code was at work where it failed" in " ".join(out.split())
    assert "n_neighbors" in out


@pytest.mark.parametrize(
    "train",
    [
        "sklearn.neighbors:KNeighborsClassifier",
        KNeighborsClassifier,
        KNeighborsClassifier(5),
        functools.partial(KNeighborsClassifier, n_neighbors=5),
        lambda problem, seed: KNeighborsClassifier().fit(problem.train.x.reshape(120, -1), problem.train.y),
    ],
    ids=["name", "class", "instance", "partial", "lambda"],
)
def test_every_form_gives_what_the_estimator_by_hand_gives(train: Any, tmp_path: Path) -> None:
    problem = gengap.load("digits").take(120, 60)
    points = gengap.data.as_points(problem)
    by_hand = KNeighborsClassifier().fit(points.x, points.y)
    test = gengap.randomize(problem, train=train, levels=[0], store=tmp_path / "s.db", options=QUIET)
    (row,) = test.rows
    assert row["train_accuracy"] == by_hand.score(points.x, points.y)
    assert row["test_accuracy"] == by_hand.score(points.x_test, points.y_test)


def test_a_seed_reaches_every_random_state_and_the_loss_is_that_of_the_probabilities(tmp_path: Path) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    problem = gengap.load("digits").take(120, 60)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200, random_state=9))
    test = gengap.randomize(problem, train=pipeline, levels=[0], store=tmp_path / "s.db", options=QUIET)
    points = gengap.data.as_points(problem)
    by_hand = pipeline.fit(points.x, points.y).predict_proba(points.x_test)
    expected = -np.log(by_hand[np.arange(60), points.y_test]).mean()
    assert test.rows[0]["test_loss"] == pytest.approx(expected, rel=1e-6)
    assert pipeline.get_params()["logisticregression__random_state"] == 9  # the user's instance is left alone


def test_what_cannot_be_hashed_is_not_stored_and_says_so(tmp_path: Path) -> None:
    lines = iter(["a"])

    def fit(problem: gengap.Problem, seed: int) -> Any:
        next(lines, None)
        return problem.train.y, problem.test.y

    store = tmp_path / "s.db"
    test = gengap.randomize(
        gengap.load("digits").take(40, 20), train=fit, levels=[0], store=store, options=QUIET, out=tmp_path / "out"
    )
    assert test.summary["training"]["stored"] is True  # pickle keeps the content of a list's iterator
    stream = open(__file__)  # noqa: SIM115 - something that has no content to hash

    def reads(problem: gengap.Problem, seed: int) -> Any:
        stream.tell()
        return problem.train.y, problem.test.y

    test = gengap.randomize(gengap.load("digits").take(40, 20), train=reads, levels=[0], store=store, options=QUIET)
    stream.close()
    known = test.summary["training"]
    assert (test.rows[0]["status"], known["stored"]) == ("done", False)
    assert "the closure value 'stream'" in known["not_stored_reason"]
    with gengap.cells.capacity_trials.Store(store) as opened:  # type: ignore[attr-defined]
        assert not opened.finished([test.rows[0]["key"]])


def test_results_of_elsewhere_get_the_verdict_that_their_rows_get(
    mine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"level": level, "seed": s, "train_accuracy": 0.998, "test_accuracy": 0.9 - 0.8 * level}
        for level in (0, 1)
        for s in (0, 1)
    ]
    pd.DataFrame(rows).rename(columns={"train_accuracy": "Train accuracy", "test_accuracy": "test-acc"}).to_csv(
        "runs.csv"
    )
    code, out, _ = run(["--results", "runs.csv", "--json", "--out", "page"], capfd)
    summary = json.loads(out)["summary"]
    assert code == 0
    assert summary["verdict"] == gengap.verdicts.memorisation(rows)["verdict"] == "memorises"
    assert summary["chance_accuracy"] == 0.1  # of the data that were named
    assert (mine / "page" / "report.html").exists()
    alone = from_results("runs.csv")
    assert alone.summary["chance_accuracy"] is None
    assert alone.summary["random_labels"]["test_accuracy"] == pytest.approx(0.1)


def test_a_model_or_recipe_beside_a_training_is_refused() -> None:
    with pytest.raises(InputError, match="beside a recipe"):
        gengap.randomize(train=KNeighborsClassifier, recipe="digits")
    with pytest.raises(InputError, match="Settings without"):
        gengap.randomize(settings={"a": 1})


def test_results_without_test_accuracies_are_judged_by_training_alone(
    mine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (mine / "runs.csv").write_text("level,train_accuracy\n0,1.0\n0,1.0\n1,1.0\n")
    status, out, _ = run(["--results", str(mine / "runs.csv"), "--out", str(mine / "out")], capfd)
    assert status == 0
    assert "training accuracy of 100.00%; its test accuracy is not known (mean of 2 seeds)." in " ".join(out.split())


def test_two_results_of_one_seed_are_refused(mine: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (mine / "runs.csv").write_text("level,seed,train_accuracy\n0,4,1.0\n0,4,0.9\n1,4,1.0\n")
    status, _, err = run(["--results", str(mine / "runs.csv"), "--out", str(mine / "out")], capfd)
    assert status == 2
    assert "two rows of labels at level 0 with seed 4" in " ".join(err.split())


def test_results_with_empty_cells_are_those_of_a_table_without_these_columns() -> None:
    runs = pd.DataFrame({"level": [0.0, 1.0], "train_accuracy": [1.0, 0.995]})
    gaps = runs.assign(corruption=["none", None], status=[None, "done"])
    assert from_results(gaps).summary["verdict"] == from_results(runs).summary["verdict"] == "memorises"


def test_results_whose_epochs_are_no_numbers_are_refused() -> None:
    runs = pd.DataFrame({"level": [0.0, 1.0], "train_accuracy": [1.0, 0.995], "epochs": ["ten", "20"]})
    with pytest.raises(InputError, match="epochs 'ten'"):
        from_results(runs)
