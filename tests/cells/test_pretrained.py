"""Pretrained networks as stored rows."""

from pathlib import Path

import pytest

from gengap.cells import Cell, Options
from gengap.cells.pretrained import Pretrained, pretrained_rows
from gengap.data import Problem, load
from gengap.measures import normalised_loss
from gengap.store import Store
from gengap.train import Execution, Pretraining, Recipe, train_pretrained

RECIPE = Recipe(
    model="convnet-5", learning_rate=0.02, batch_size=32, decay=1.0, epochs=3, snapshot_loss=1.5,
    precision="float32", memory_format="contiguous",
)  # fmt: skip
OPTIONS = Options(device="cpu", workers=1, progress=False)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return load("digits").take(96, 32)


def _network(problem: Problem, level: float = 0.5, **changes: object) -> Pretrained:
    first = RECIPE.model_copy(update={"epochs": 2, "snapshot_loss": None})
    return Pretrained(Cell(problem, RECIPE, 1), Pretraining(**{"recipe": first, "level": level} | changes))


def test_rows_hold_what_the_training_by_hand_gives_and_are_stored(
    problem: Problem, tmp_path: Path, one_core: None
) -> None:
    network = _network(problem)
    with Store(tmp_path / "s.db") as store:
        (row,) = pretrained_rows([network], store, OPTIONS)
        (again,) = pretrained_rows([network], store, Options(stored=True))
    first, run = train_pretrained(problem, RECIPE, network.pretraining, 1, execution=Execution())
    assert first is not None
    assert again == row
    assert (row["status"], row["pretraining_level"], row["pretraining_epochs"]) == ("done", 0.5, 2)
    assert row["pretraining_accuracy"] == pytest.approx(first.history[-1]["running_accuracy"], rel=1e-4)
    nearest, last = row["snapshots"]
    assert (nearest["snapshot"], nearest["epoch"]) == ("nearest", run.nearest_epoch)
    assert (last["snapshot"], last["epoch"]) == ("last", 3)
    assert last["train_loss"] == pytest.approx(run.history[-1]["train_loss"], rel=1e-4)
    assert last["frobenius_test_loss"] == pytest.approx(normalised_loss(run.model(), problem, split="test"), rel=1e-6)
    model = run.model(run.nearest_epoch)
    assert nearest["l1_train_loss"] == pytest.approx(normalised_loss(model, problem, 1), rel=1e-6)


def test_everything_that_comes_before_changes_the_key(problem: Problem) -> None:
    others = [_network(problem, 0.6), _network(problem, recipe=None), _network(problem, initial_std=0.1)]
    others.append(_network(problem, initial_std=0.2))
    keys = {network.key for network in [_network(problem), *others]} | {Cell(problem, RECIPE, 1).key}
    assert len(keys) == 6
    assert _network(problem).key == _network(problem).key


def test_what_was_not_trained_is_missing(problem: Problem, tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        (row,) = pretrained_rows([_network(problem)], store, Options(stored=True))
    assert (row["status"], row["snapshots"], row["model"]) == ("missing", [], "convnet-5")


def test_divergence_is_a_result_without_snapshots(problem: Problem, tmp_path: Path, one_core: None) -> None:
    wild = Pretrained(Cell(problem, RECIPE.model_copy(update={"learning_rate": 1e30}), 1), Pretraining())
    with Store(tmp_path / "s.db") as store:
        (row,) = pretrained_rows([wild], store, OPTIONS)
    assert row["status"] == "diverged"
    assert row["snapshots"] == []
