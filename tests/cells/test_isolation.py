"""A network of the user's that ends its process costs an error or a row, never the command."""

from pathlib import Path

import pytest

from gengap import cells
from gengap.cells import Cell, Options
from gengap.data import load
from gengap.errors import InputError
from gengap.store import Store
from gengap.train import Recipe

NETWORK = """
import os, signal, torch
class Net(torch.nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.layer = torch.nn.Linear(64, classes)
    def forward(self, x):
        if WHEN:
            HOW
        return self.layer(x.flatten(1))
"""
RECIPE = Recipe(model="ending:Net", batch_size=64, epochs=1, precision="float32", memory_format="contiguous")
QUIET = Options(device="cpu", workers=1, progress=False)


@pytest.mark.parametrize(
    ("how", "reason"),
    [("os._exit(0)", "exit status 0"), ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV")],
)
def test_a_network_that_ends_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_core: None, how: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    problem = load("digits").take(64, 16)
    (tmp_path / "ending.py").write_text(NETWORK.replace("HOW", how).replace("WHEN", "self.training and len(x) > 1"))
    with Store(tmp_path / "rows.db") as store:
        ((row,), _) = cells.run([Cell(problem, RECIPE)], store, QUIET)
    assert row["status"] == "failed"
    assert reason in row["reason"]
    (tmp_path / "ending.py").write_text(NETWORK.replace("HOW", how).replace("WHEN", "True"))
    with pytest.raises(InputError, match=f"ending:Net: worker .*{reason}"):
        _ = Cell(problem, RECIPE).key


def test_a_network_without_a_file_is_trained_in_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_core: None
) -> None:
    import sys
    from types import ModuleType

    module = ModuleType("typed_in")
    exec(NETWORK.replace("WHEN", "False").replace("HOW", "pass"), vars(module))
    monkeypatch.setitem(sys.modules, "typed_in", module)
    cell = Cell(load("digits").take(64, 16), RECIPE.model_copy(update={"model": "typed_in:Net"}))
    with Store(tmp_path / "rows.db") as store:
        ((row,), _) = cells.run([cell], store, QUIET)
    assert row["status"] == "done"
    assert row["isolation"] == "none: the network typed_in:Net stands in no file that another process can import"
