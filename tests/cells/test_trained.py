"""Cells: identity, and from cells to rows with nothing run twice."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from gengap import cells
from gengap.cells import Cell, Options, trained
from gengap.cells import cell as cells_cell
from gengap.cells.trained import device_of
from gengap.data import Problem, load
from gengap.errors import InputError
from gengap.store import Store
from gengap.sweep import Job, Share
from gengap.train import Execution, Recipe, train

pytestmark = pytest.mark.usefixtures("one_core")

QUIET = Options(device="cpu", workers=1, progress=False)
RECIPE = Recipe(batch_size=64, epochs=2, precision="float32", memory_format="contiguous")


@pytest.fixture(scope="module")
def digits() -> Problem:
    return load("digits").take(200, 50)


def test_a_key_tells_apart_all_that_a_cell_is(digits: Problem) -> None:
    base = Cell(digits, RECIPE, 0, "labels", 0.5)
    others = [
        Cell(digits.take(100), RECIPE, 0, "labels", 0.5),
        Cell(digits, RECIPE.model_copy(update={"epochs": 3}), 0, "labels", 0.5),
        Cell(digits, RECIPE, 1, "labels", 0.5),
        Cell(digits, RECIPE, 0, "random-labels", 0.5),
        Cell(digits, RECIPE, 0, "labels", 0.25),
    ]
    assert len({cell.key for cell in [base, *others]}) == 6
    assert Cell(load("digits").take(200, 50), RECIPE, 0, "labels", 0.5).key == base.key


def test_a_key_follows_the_source_of_a_users_network(
    digits: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keys = []
    for body in ("one", "two"):
        (tmp_path / "my_part.py").write_text("SIZE = 3")
        (tmp_path / "my_keyed_net.py").write_text(f"# {body}\n{NETWORK}")
        keys.append(Cell(digits, RECIPE.model_copy(update={"model": "my_keyed_net:make"})).key)
    assert keys[0] != keys[1]


def test_rows_hold_what_training_gave_and_how(digits: Problem, tmp_path: Path) -> None:
    wanted = [Cell(digits, RECIPE, seed, "labels", level) for level in (0.0, 1.0) for seed in (0, 1)]
    with Store(tmp_path / "s.db") as store:
        rows, result = cells.run(wanted, store, QUIET)
    assert (result.done, result.reused, result.failed) == (4, 0, ())
    assert [(row["level"], row["seed"]) for row in rows] == [(0.0, 0), (0.0, 1), (1.0, 0), (1.0, 1)]
    first = rows[0]
    assert first["parameters"] == 64 * 512 + 512 + 512 * 10 + 10
    assert (first["n_train"], first["n_test"], first["n_classes"], first["device"]) == (200, 50, 10, "cpu")
    assert Recipe.model_validate_json(first["recipe"]) == RECIPE
    assert {"gengap", "torch", "python", "commit", "threads", "precision", "seconds"} <= first.keys()
    assert [record["epoch"] for record in first["history"]] == [1, 2]


def test_a_cell_trains_as_its_parts_do(digits: Problem, tmp_path: Path) -> None:
    from gengap.seeds import stream

    with Store(tmp_path / "s.db") as store:
        (row,), _ = cells.run([Cell(digits, RECIPE, 3, "labels", 0.5)], store, QUIET)
    corrupted = digits.corrupt("labels", level=0.5, seed=stream(3, "corruption"))
    expected = train(corrupted, RECIPE, 3, execution=Execution()).history[-1]
    assert row["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-5)


def test_the_same_seed_nests_corruption_over_levels(digits: Problem) -> None:
    from gengap.cells.cell import corrupted

    changed = {
        level: np.flatnonzero(corrupted(digits, "labels", level, 5).train.y != digits.train.y) for level in (0.2, 0.6)
    }
    assert set(changed[0.2]) < set(changed[0.6])


def test_a_second_run_trains_only_what_is_missing(
    digits: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [Cell(digits, RECIPE, 0, "labels", level) for level in (0.0, 0.5, 1.0)]
    with Store(tmp_path / "s.db") as store:
        cells.run(wanted[:2], store, QUIET)
        rows, result = cells.run(wanted, store, QUIET)
        assert (result.done, result.reused) == (1, 2)
        monkeypatch.setattr(trained, "save_problem", None)  # nothing is prepared when nothing is missing
        again, result = cells.run(wanted, store, QUIET)
        assert (result.done, result.reused) == (0, 3)
    assert again == rows


def test_a_failing_network_costs_its_cells_only(
    digits: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_failing_net.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self, shape, classes):\n"
        "        super().__init__()\n"
        "        self.layer = torch.nn.Linear(64, classes)\n"
        "    def forward(self, x):\n"
        "        if self.training:\n"
        "            raise RuntimeError('broken in training')\n"
        "        return self.layer(x.flatten(1))\n"
    )
    monkeypatch.chdir(tmp_path)
    broken = Cell(digits, RECIPE.model_copy(update={"model": "my_failing_net:Net"}))
    with Store(tmp_path / "s.db") as store:
        rows, result = cells.run([broken, Cell(digits, RECIPE)], store, QUIET)
    assert [row["status"] for row in rows] == ["failed", "done"]
    assert "broken in training" in rows[0]["reason"]
    assert len(result.failed) == 1


NETWORK = """import torch
from my_part import SIZE
def make(shape, classes):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, SIZE), torch.nn.Linear(SIZE, classes))
"""


def test_an_edited_network_is_another_cell_with_its_own_results(
    digits: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    recipe = RECIPE.model_copy(update={"model": "my_edited_net:make"})
    network, part = tmp_path / "my_edited_net.py", tmp_path / "my_part.py"
    found = []
    for code, size in ((NETWORK, 4), (NETWORK.replace("SIZE", "30"), 4), (NETWORK, 5)):
        network.write_text(code.replace("import 30", "import SIZE"))
        part.write_text(f"SIZE = {size}\n")
        sys.modules.pop("my_part", None)
        cells_cell._built.cache_clear()  # as in another process, which is where a part is imported anew
        made = Cell(digits, recipe)
        found.append((made.key, made.columns()["parameters"]))
    assert [parameters for _, parameters in found] == [64 * 4 + 4 + 50, 64 * 30 + 30 + 310, 64 * 5 + 5 + 60]
    assert len({key for key, _ in found}) == 3


def test_rows_have_the_name_that_the_data_have_now(digits: Problem, tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        for name in ("one", "other"):
            problem = dataclasses.replace(digits, name=name)
            rows, _ = cells.run([Cell(problem, RECIPE)], store, QUIET)
            assert [row["problem"] for row in rows] == [name]


@pytest.mark.parametrize(
    ("device", "gpus", "expected"),
    [("auto", 0.0, "cpu"), ("auto", 0.5, "cuda"), ("cuda", 1.0, "cuda"), ("cpu", 0.0, "cpu")],
)
def test_on_a_cluster_the_share_says_which_device_a_cell_uses(device: str, gpus: float, expected: str) -> None:
    assert device_of(Options(device=device, ray=Share(1, gpus))) == expected


@pytest.mark.parametrize(("device", "gpus"), [("cpu", 0.5), ("cuda", 0.0), ("tpu", 0.0)])
def test_a_device_that_does_not_fit_to_the_share_is_refused(device: str, gpus: float) -> None:
    with pytest.raises(InputError, match=f"Device '{device}' with {gpus:g} GPUs for each cell"):
        device_of(Options(device=device, ray=Share(1, gpus)))


def test_replicas_on_a_gpu_are_grouped_by_what_may_share_a_step(digits: Problem) -> None:
    recipes = [RECIPE, RECIPE.model_copy(update={"learning_rate": 0.5}), RECIPE.model_copy(update={"epochs": 9})]
    wanted = [Cell(digits, recipe, seed) for recipe in recipes for seed in range(40)]
    jobs = [trained.Job(cell.key, cell.title, None) for cell in wanted]
    for gpus, sizes in ((0, [64, 16, 40]), (1, [64, 16, 40]), (3, [27, 27, 26, 14, 14, 12])):
        units = trained._replicas(wanted, jobs, gpus)
        assert [len(unit) for unit in units] == sizes
        assert {job.key for unit in units for job in unit} == {cell.key for cell in wanted}


@pytest.mark.parametrize(
    ("visible", "count", "workers", "expected"),
    [
        (None, 1, None, []),
        (None, 3, None, ["0", "1", "2"]),
        ("4,6", 2, None, ["4", "6"]),
        ("GPU-a, GPU-b,-1,0", 2, None, ["GPU-a", "GPU-b"]),
        (None, 3, 2, ["0", "1"]),
        (None, 3, 1, []),
    ],
)
def test_several_gpus_divide_the_units(
    digits: Problem,
    visible: str | None,
    count: int,
    workers: int | None,
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Imitated: nothing here runs on a GPU."""
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(trained, "execution_of", lambda *_: Execution("cuda", "float32", "contiguous"))
    wanted = [Cell(digits, RECIPE, seed) for seed in range(6)]
    jobs = [Job(cell.key, cell.title, cell) for cell in wanted]
    options = Options(device="cuda", workers=workers)
    with trained._plan(jobs, len(jobs), "cuda", options) as plan:
        assert list(plan.gpus) == expected
        assert plan.workers == max(1, len(expected))
        assert [len(unit) for unit in plan.units] == [6 // max(1, len(expected))] * max(1, len(expected))


def test_cells_share_a_step_on_a_gpu_only_where_their_inputs_have_one_form() -> None:
    problem = load("digits").take(40, 10).preprocess(crop=6, scale="whiten")
    wanted = [("labels", 0.0), ("gaussian", 1.0), ("labels", 1.0), ("shuffled-pixels", 1.0), ("gaussian", 0.0)]
    grid = [Cell(problem, RECIPE, 0, *pair) for pair in wanted]
    jobs = [Job(cell.title, cell.title, None) for cell in grid]
    units = trained._replicas(grid, jobs, 1)
    assert [[grid[jobs.index(job)].corruption for job in unit] for unit in units] == [
        ["labels", "labels", "gaussian"],
        ["gaussian"],
        ["shuffled-pixels"],
    ]


def test_label_corruptions_share_one_copy_of_the_inputs(digits: Problem) -> None:
    assert Cell(digits, RECIPE, 0, "labels", 0.5).sample().train.x.shape == (1, 1, 8, 8)
    assert digits.corrupt("labels", seed=1).train.x is digits.corrupt("labels", seed=2).train.x


@pytest.mark.parametrize("change", [{"random_crop": True}, {"model": "one_layer:make", "dropout": 0.5}])
def test_a_recipe_that_cannot_be_trained_is_refused_before_anything_is_stored(
    digits: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    source = "from torch import nn\n\ndef make(shape, n):\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, n))\n"
    (tmp_path / "one_layer.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    with Store(tmp_path / "s.db") as store:
        with pytest.raises(InputError, match=r"margin to crop|Dropout"):
            cells.run([Cell(digits, RECIPE.model_copy(update=change))], store, QUIET)
        assert len(store) == 0


def test_no_room_for_the_data_is_told(digits: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(problem: Problem, folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trained, "save_problem", full)
    with Store(tmp_path / "s.db") as store, pytest.raises(InputError, match="No space left"):
        cells.run([Cell(digits, RECIPE)], store, QUIET)
