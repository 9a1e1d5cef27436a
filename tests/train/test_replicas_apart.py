"""Networks that vmap cannot map: each step passes through the replicas one after the other, as separate runs would."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gengap import cells
from gengap.cells import Cell, Options
from gengap.data import Problem
from gengap.store import Store
from gengap.train import Execution, Recipe, train, train_replicas
from gengap.train.replicas import Replicas

FLOAT64 = Execution("cpu", "float64", "contiguous")
HERE = "test_replicas_apart"


class Recurrent(nn.Module):
    """Rows of an image as a sequence."""

    layer = nn.LSTM

    def __init__(self, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        self.cells = self.layer(18, 5, batch_first=True)
        self.last = nn.Linear(5, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.cells(x.transpose(1, 2).flatten(2))
        return self.last(states[:, -1])


class Gated(Recurrent):
    layer = nn.GRU


class Branching(nn.Module):
    """Control flow on values."""

    def __init__(self, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(108, n_classes), nn.Linear(108, n_classes)])

    def forward(self, x: Tensor) -> Tensor:
        return self.layers[int(x.mean() > 0)](x.flatten(1))


class Checkpointed(nn.Module):
    """A part that is computed again in the backward pass."""

    def __init__(self, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(108, 8), nn.Linear(8, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        hidden = checkpoint(self.first, x.flatten(1).requires_grad_(), use_reentrant=True)
        return self.last(hidden.relu())


def spectral(shape: tuple[int, ...], n_classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.utils.parametrizations.spectral_norm(nn.Linear(108, n_classes)))


def former_spectral(shape: tuple[int, ...], n_classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.utils.spectral_norm(nn.Linear(108, n_classes)))


NETWORKS = ["Recurrent", "Gated", "Branching", "Checkpointed", "spectral", "former_spectral"]


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", NETWORKS)
def test_two_replicas_equal_two_runs(tiny: Problem, name: str) -> None:
    small = tiny.take(32, 8)
    recipe = Recipe(model=f"{HERE}:{name}", batch_size=16, epochs=2, learning_rate=0.05)
    free = [{}, {"learning_rate": 0.02, "weight_decay": 0.1}]
    trios = [(small, recipe.model_copy(update=change), seed) for seed, change in enumerate(free)]
    together = train_replicas(trios, execution=FLOAT64)
    for run, trio in zip(together, trios, strict=True):
        own = train(*trio, execution=FLOAT64)
        torch.testing.assert_close(run.weights, own.weights, rtol=1e-9, atol=1e-11)
        assert run.history[-1]["test_loss"] == pytest.approx(own.history[-1]["test_loss"], rel=1e-9)
        assert run.replicas.startswith("one after the other in each step: ")
        assert own.replicas == ""


def test_the_trial_leaves_running_statistics_alone(tiny: Problem) -> None:
    recipe = Recipe(model="inception-small", batch_size=16)
    replicas = Replicas.initialise(tiny.preprocess(crop=5), recipe, [0, 1], FLOAT64)
    assert replicas.apart == ""
    means = [value for name, value in replicas.buffers.items() if name.endswith("running_mean")]
    assert means
    assert all(not mean.any() for mean in means)


def test_rows_say_so(tiny: Problem, tmp_path: Path, one_core: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU two cells are one unit; here the unit is made by hand."""
    from gengap.sweep import Plan

    recipe = Recipe(model=f"{HERE}:Gated", batch_size=16, epochs=1, precision="float32", memory_format="contiguous")
    monkeypatch.setattr(cells.trained, "workers_for", lambda device, units: 1)
    original = cells.trained._plan

    from contextlib import contextmanager

    @contextmanager
    def one_unit(missing, total, device, options):
        with original(missing, total, device, options) as plan:
            yield Plan([[job for unit in plan.units for job in unit]], 1, 1, "a test")

    monkeypatch.setattr(cells.trained, "_plan", one_unit)
    small = tiny.take(32, 8)
    with Store(tmp_path / "s.db") as store:
        rows, _ = cells.run([Cell(small, recipe, 0), Cell(small, recipe, 1)], store, Options("cpu", 1, progress=False))
    assert [row["status"] for row in rows] == ["done", "done"]
    assert all("one after the other" in row["replicas"] for row in rows)
