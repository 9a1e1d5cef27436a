"""Networks of the user's, and what is said when they cannot be used."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from gengap import models
from gengap.errors import InputError

SOURCE = """
import torch
from torch import nn

def make(input_shape, n_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(input_shape[0] * 4, n_classes))

def fixed():
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(12, 10))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.LazyLinear(3)

    def forward(self, x):
        return self.last(x.flatten(1))

class Pair(Net):
    def forward(self, x):
        return super().forward(x), x

class Maps(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 3, 1)

def broken(input_shape, n_classes):
    raise RuntimeError("no such luck\\nand more")

def three(a, b, c):
    pass

def number():
    return 3

ready = fixed()

def leaves():
    raise SystemExit(0)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "usernet.py").write_text(SOURCE)
    (tmp_path / "needy.py").write_text("import not_there_at_all")
    (tmp_path / "untidy.py").write_text("def make(:")
    (tmp_path / "leaving.py").write_text("raise SystemExit(0)")
    (tmp_path / "broken_package").mkdir()
    (tmp_path / "broken_package" / "__init__.py").write_text("raise RuntimeError('not today')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != ""])
    for name in ("usernet", "needy", "untidy"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("factory", ["make", "Net"])
def test_factory_in_the_current_folder(factory: str) -> None:
    model = models.build(f"usernet:{factory}", (3, 2, 2), 3)
    assert model.training
    assert model(torch.randn(5, 3, 2, 2)).shape == (5, 3)


@pytest.mark.usefixtures("folder")
def test_probe_leaves_the_mode_of_every_part() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(12, 3))
    model[1].eval()
    models.check_output(model, (3, 2, 2), 3)
    assert [part.training for part in model] == [True, False, True]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("nowhere:make", "no module 'nowhere'"),
        ("needy:make", "not_there_at_all"),
        ("untidy:make", r"Importing untidy failed: SyntaxError"),
        ("leaving:make", r"Importing leaving failed: SystemExit"),
        ("broken_package.part:make", r"Importing broken_package.part failed: RuntimeError"),
        ("usernet:leaves", r"SystemExit"),
        ("usernet:mak", "did you mean 'make'"),
        ("usernet:", "Cannot read"),
        (":make", "Cannot read"),
        ("usernet:ready", "is a Sequential, not a factory"),
        ("usernet:broken", r"RuntimeError: no such luck \(usernet.py:28\)"),
        ("usernet:three", "takes the arguments"),
        ("usernet:number", "returned int"),
        ("usernet:fixed", "has 10 outputs, but the data have 3 classes"),
        ("usernet:Pair", "returns tuple"),
        ("usernet:Maps", r"returns shape \(2, 3, 2, 2\)"),
    ],
)
def test_unusable_factories(spec: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        models.build(spec, (3, 2, 2), 3)


@pytest.mark.usefixtures("folder")
def test_network_that_cannot_take_the_data() -> None:
    with pytest.raises(InputError, match=r"batch of two inputs of shape \(5,\)"):
        models.build("usernet:fixed", (5,), 10)


@pytest.mark.usefixtures("folder")
def test_dropout_is_the_factorys_own_business() -> None:
    with pytest.raises(InputError, match="dropout layers in the factory"):
        models.build("usernet:make", (3, 2, 2), 3, dropout=0.5)
