"""``gengap audit`` on the command line: what it prints, its gates, and what unusable input is told."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from audited_networks import N_TRAIN, C, D, blobs, fitted
from torch import nn

from gengap.cli import main

NETS = f"""
from dataclasses import dataclass
import torch
from torch import nn

def make():
    return nn.Sequential(nn.Linear({D}, 64), nn.ReLU(), nn.Linear(64, {C}))

def narrow():
    return nn.Sequential(nn.Linear({D}, 64), nn.ReLU(), nn.Linear(64, {C} - 1))

def needs(width):
    return nn.Linear({D}, width)

def wide():
    return nn.Sequential(nn.Linear({D} + 1, 64), nn.ReLU(), nn.Linear(64, {C}))

@dataclass
class Output:
    hidden: torch.Tensor
    logits: torch.Tensor

class Net(nn.Module):
    kind = dict
    def __init__(self):
        super().__init__()
        self.layers = make()
    def forward(self, x):
        h = self.layers[1](self.layers[0](x))
        return self.kind(hidden=h, scores=self.layers[2](h)) if self.kind is dict else self.kind(h, self.layers[2](h))

class Tuple(Net):
    def kind(self, *parts):
        return parts

def load():
    from sklearn.dummy import DummyClassifier
    import numpy as np
    return DummyClassifier(strategy="most_frequent").fit(np.zeros(({C}, 1)), ["a", "b", "c"])

def number():
    return 3
"""


def _run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as status:
        main(["audit", *map(str, arguments)])
    return int(status.value.code or 0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a user's module, data and weights, in which the command is called."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"nets_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(NETS)
    (tmp_path / "name").write_text(name)
    problem = blobs()
    names = np.array(problem.classes)
    np.savez(
        "data.npz",
        x_train=problem.train.x,
        y_train=names[problem.train.y],
        x_test=problem.test.x,
        y_test=names[problem.test.y],
    )
    network = fitted(problem, steps=60)
    torch.save(network.state_dict(), "w.pt")
    np.save("few.npy", np.full((5, C), 1 / C))
    np.save("sums.npy", np.ones((N_TRAIN, C)))
    state = {f"model.{key}": value for key, value in network.state_dict().items()}
    lightning = {"state_dict": {**state, "accuracy.total": torch.zeros(1)}, "epoch": 3, "hyper_parameters": {"lr": 0.1}}
    torch.save(lightning, "last.ckpt")
    torch.save({f"layers.{key}": value for key, value in network.state_dict().items()}, "net.pt")
    return tmp_path


def _nets(folder: Path, function: str) -> str:
    return f"{(folder / 'name').read_text()}:{function}"


@pytest.mark.usefixtures("brief")
def test_a_lightning_checkpoint_passes_its_gates(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gates = ["--fail-if", "certificate.upper > 0.5", "--fail-if", "verdict == 'memorised'", "--junit", "gates.xml"]
    assert _run(_nets(folder, "make"), "--weights", "last.ckpt", "--data", "data.npz", "--quick", "--json", *gates) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["verdict"] == "learned"
    assert printed.err.count("Gate passed") == 2
    assert 'failures="0"' in (folder / "gates.xml").read_text()


@pytest.mark.usefixtures("brief")
def test_a_gate_that_holds_fails_and_one_without_a_value_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = [_nets(folder, "make"), "--weights", "w.pt", "--data", "data.npz", "--quick", "--json"]
    assert _run(*call, "--fail-if", "accuracy.test > 0.5") == 1
    assert "Gate FAILED" in capsys.readouterr().err
    assert _run(*call, "--fail-if", "coherence.m_coherence > 5") == 1
    assert "CANNOT BE JUDGED" in capsys.readouterr().err
    assert _run(*call, "--fail-if", "certificate.uper > 0.05") == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out)["verdict"] == "learned"  # the answer is not lost
    assert "no certificate.uper" in printed.err


@pytest.mark.usefixtures("brief")
def test_a_path_that_leads_nowhere_stands_in_the_results_of_the_gates(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gates = ["--fail-if", "certificate.uper > 0.05", "--fail-if", "accuracy.test > 2", "--junit", "gates.xml"]
    assert _run(_nets(folder, "make"), "--weights", "w.pt", "--data", "data.npz", "--quick", *gates) == 2
    assert "--fail-if 'certificate.uper > 0.05'" in capsys.readouterr().err
    assert 'tests="2" failures="0" errors="1"' in (folder / "gates.xml").read_text()


@pytest.mark.parametrize(
    ("models", "gate", "message"),
    [
        (1, "nosuch.thing > 1", "begins with one of model"),
        (1, "sertificate.upper > 1", "did you mean certificate"),
        (1, "a.certificate.upper > 1", "has no a."),
        (2, "certificate.upper > 1", "such as a.certificate.upper"),
        (2, "verdict == 'ship A' or b.nosuch.thing > 1", "has no nosuch"),
    ],
)
def test_a_gate_on_an_unknown_name_is_refused_before_any_work(
    models: int, gate: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = ["--weights", "absent.pt"] * models
    assert _run(_nets(folder, "make"), *weights, "--data", "absent.npz", "--fail-if", gate) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert gate in error
    assert message in error


@pytest.mark.usefixtures("brief")
def test_data_without_a_training_split(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with np.load("data.npz") as data:
        np.savez("held.npz", x_test=data["x_test"], y_test=data["y_test"])
    call = [_nets(folder, "make"), "--weights", "w.pt", "--data", "held.npz", "--quick"]
    assert _run(*call) == 2
    error = capsys.readouterr().err
    assert "no x_train" in error
    assert "--held-out-only" in error
    assert _run(*call, "--held-out-only", "--tried", "4") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "No verdict: the data have no training split." in printed
    assert printed.count("chosen as the best of 4") == 1


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize(("function", "key"), [("Net", "scores"), ("Tuple", "1")])
def test_the_scores_are_found_by_their_key(
    folder: Path, function: str, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call = [_nets(folder, function), "--weights", "net.pt", "--data", "data.npz", "--quick", "--json"]
    assert _run(*call) == 2
    assert "--output KEY" in capsys.readouterr().err
    assert _run(*call, "--output", key) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "learned"


@pytest.mark.usefixtures("brief")
def test_a_function_that_loads_an_estimator(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(_nets(folder, "load"), "--data", "data.npz", "--quick", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == "learned nothing"
    assert document["normalised_loss"] == {"train": None, "test": None}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{nets}:make"], "no weights for it"),
        (["{nets}:make", "--weights", "absent.pt"], "absent.pt"),
        (["{nets}:narrow", "--weights", "w.pt"], "2.weight of w.pt"),
        (["{nets}:wide", "--weights", "w.pt"], "0.weight of w.pt"),
        (["{nets}:needs", "--weights", "w.pt"], "takes the arguments (width)"),
        (["{nets}:absent", "--weights", "w.pt"], "Unknown"),
        (["no_such_module:make", "--weights", "w.pt"], "no module 'no_such_module'"),
        (["{nets}:number"], "returned a int"),
        (["model.joblib"], "file of pickles"),
        (["model.pkl"], "mymodel:load"),
        (["no-such-model", "--weights", "w.pt"], "Unknown model"),
        (["{nets}:make", "--weights", "w.pt", "--fail-if", "a >"], "cannot be used"),
        (["{nets}:make", "--weights", "w.pt", "--junit", "x.xml"], "--junit without a gate"),
        (["{nets}:make", "{nets}:make", "{nets}:make"], "3 models"),
        (["{nets}:make", "{nets}:make", "--weights", "w.pt"], "One file of weights for two models"),
        (["{nets}:make", "--weights", "w.pt", "--weights", "w.pt", "--folds", "3"], "--folds beside two models"),
        (["{nets}:make", "--weights", "w.pt", "--folds", "3"], "--folds 5 --train module:function"),
        (["{nets}:make", "--weights", "w.pt", "--out-of-fold", "w.pt"], "w.pt"),
        (["{nets}:make", "--weights", "w.pt", "--unlabelled", "data.npz"], "one array"),
        (["{nets}:make", "--weights", "w.pt", "--quick", "--full"], "one of them"),
        (["{nets}:make", "--weights", "w.pt", "--resize", "8"], "no folder of images"),
        (["{nets}:make", "--weights", "w.pt", "--resize", "8", "--held-out-only"], "no folder of images"),
        (["{nets}:make", "--weights", "w.pt", "--out-of-fold", "few.npy"], "(240, 3), a row for each training example"),
        (["{nets}:make", "--weights", "w.pt", "--out-of-fold", "sums.npy"], "rows that sum to 1"),
        (["{nets}:make", "--weights", "w.pt", "--unlabelled", "few.npy"], "shape [N, 6]"),
    ],
)
def test_what_cannot_be_used_is_told(
    folder: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    nets = (folder / "name").read_text()
    assert _run(*(text.replace("{nets}", nets) for text in arguments), "--data", "data.npz") == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) <= 3


def test_fewer_outputs_than_classes_and_inputs_of_another_shape(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(nn.Sequential(nn.Linear(D, 64), nn.ReLU(), nn.Linear(64, C - 1)).state_dict(), "narrow.pt")
    assert _run(_nets(folder, "narrow"), "--weights", "narrow.pt", "--data", "data.npz") == 2
    assert f"for 2 examples of {C} classes" in capsys.readouterr().err
    torch.save(nn.Sequential(nn.Linear(D + 1, 64), nn.ReLU(), nn.Linear(64, C)).state_dict(), "wide.pt")
    assert _run(_nets(folder, "wide"), "--weights", "wide.pt", "--data", "data.npz") == 2
    assert "cannot take a batch of inputs" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("timm") is not None, reason="timm is installed")
def test_timm_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("timm:resnet18", "--weights", "w.pt", "--data", "data.npz") == 2
    assert "timm cannot be imported: ModuleNotFoundError" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("skops") is not None, reason="skops is installed")
def test_skops_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("model.skops", "--data", "data.npz") == 2
    assert "needs the package skops" in capsys.readouterr().err
