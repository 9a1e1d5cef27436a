"""Zhang et al. 2017: the paper's numbers, the grids, what is computed from rows, and the views."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import trained_row
from PIL import Image

from gengap.errors import InputError
from gengap.studies import Outcome, find_studies
from gengap.studies.zhang2017 import figure1a, figure1b, figure1c, figure2b, imagenet, table1, table2, trainings
from gengap.studies.zhang2017.overfitting import epochs_to_overfit, with_overfit_times
from gengap.studies.zhang2017.published import FIGURES, curves
from gengap.studies.zhang2017.trainings import ALEXNET, INCEPTION, LEVELS, MLP_1, MLP_3, NO_BN, Config


def _reported(reported, quantity, **where):
    return [n.value for n in reported if n.quantity == quantity and all(n.where[k] == v for k, v in where.items())]


def test_table_1_is_whole() -> None:
    assert len(table1.PRINTED) == 19  # 5 Inception, 3 without batch norm, 5 AlexNet, 3 and 3 MLPs
    assert len(table1.REPORTED) == 2 * 19
    assert sum(level for _, level, _, _ in table1.PRINTED) == 5  # random labels, once a network
    assert _reported(table1.REPORTED, "test_accuracy", model=ALEXNET, random_crop=True, weight_decay=True) == [81.22]
    assert _reported(table1.REPORTED, "train_accuracy", model=MLP_1, level=1.0) == [99.34]


def test_table_2_is_whole() -> None:
    assert len(table2.REPORTED) == 7 * 4 + 2 * 2  # two rows have the best accuracies in parentheses
    assert len(table2.sweep("paper")) == len(table2.PRINTED) == 7
    all_on = {"level": 0.0, "augmentation": True, "dropout": True, "weight_decay": True}
    assert _reported(table2.REPORTED, "test_accuracy", **all_on) == [77.84]
    plain = {"level": 0.0, "augmentation": False, "dropout": False, "weight_decay": False}
    assert _reported(table2.REPORTED, "best_test_top_5_accuracy", **plain) == [84.49]
    assert _reported(table2.REPORTED, "train_accuracy", **plain | {"level": 1.0}) == [95.20]


def test_figures_have_every_point() -> None:
    assert len(figure1b.REPORTED) == len(figure1c.REPORTED) == 3 * 11
    assert _reported(figure1b.REPORTED, "relative_time", model=INCEPTION, level=1.0) == [pytest.approx(3.6, abs=0.01)]
    assert _reported(figure1c.REPORTED, "test_error", model=MLP_1, level=0.0) == [pytest.approx(49.51)]
    assert _reported(figure2b.REPORTED, "best_accuracy", model=NO_BN) == [85.34]
    assert {name: len(points) for name, points in curves().items()} == dict(
        zip(FIGURES, (5 * 69, 33, 33, 3 * 51), strict=True)
    )


def test_the_criterion_gives_the_papers_order_and_its_ratio() -> None:
    epochs = [n.value for n in figure1a.REPORTED if n.quantity == "epochs_to_overfit"]
    assert epochs == [10, 36, 15, 23, 21]  # true, random labels, shuffled, random pixels, gaussian
    assert epochs[1] / epochs[0] == pytest.approx(3.6)  # Figure 1b, Inception at level 1


def test_true_and_random_labels_are_one_cell_for_every_study() -> None:
    """Cells are found by their keys, so these recipes and Problems must not change unseen."""
    from gengap.cells import Cell
    from gengap.data import load
    from gengap.train import preset

    config = Config("smoke", MLP_1, level=1.0)
    fixed = {"precision": "float32", "memory_format": "contiguous"}
    recipe = preset("digits").model_copy(update={"epochs": trainings.SMOKE_EPOCHS, **fixed})
    assert trainings.cells([config])[0].key == Cell(load("digits"), recipe, 0, "labels", 1.0).key


def test_paper_scale_is_float32() -> None:
    """What is judged is not left to what is fastest."""
    from gengap.cells import Cell
    from gengap.data import load
    from gengap.studies.rows import trained
    from gengap.sweep import Options
    from gengap.train import preset

    for model in trainings.NAMES:
        assert trainings._recipe(Config("paper", model)).precision == "float32"
    with pytest.raises(ValueError, match="float32"):
        trained([Config("paper", MLP_1)], [Cell(load("digits"), preset("digits"), 0)], Options())


@pytest.mark.realdata
@pytest.mark.skipif("GENGAP_DATA" not in os.environ, reason="CIFAR-10 under GENGAP_DATA is needed")
def test_desk_cells() -> None:
    from gengap.cells import Cell
    from gengap.data import load
    from gengap.train import preset

    cifar = load("cifar10")
    budget = {"epochs": 70, "interpolate": True}
    mlp = preset("zhang2017-mlp").model_copy(update={"model": MLP_3, **budget})
    alexnet = preset("zhang2017-alexnet").model_copy(update=budget)
    made = trainings.cells([Config("desk", MLP_3, level=0.3), Config("desk", ALEXNET), Config("desk", INCEPTION)])
    assert made[0].key == Cell(cifar, mlp, 0, "labels", 0.3).key
    assert made[1].key == Cell(cifar, alexnet, 0, "labels", 0.0).key
    assert (len(made[2].problem.train), len(made[2].problem.test)) == (5_000, 2_000)


def test_desk_has_the_mlps_at_all_levels_and_alexnet_at_three() -> None:
    grid = {(c.model, c.level) for c in figure1b.sweep("desk")}
    assert {level for model, level in grid if model == MLP_3} == set(LEVELS) == {level / 10 for level in range(11)}
    assert {level for model, level in grid if model == ALEXNET} == {0.0, 0.5, 1.0}


def test_top_accuracies_are_the_last_and_the_best_by_hand() -> None:
    accuracies = [(0.5, 0.4), (None, None), (0.9, 0.7), (1.0, 0.6)]  # not evaluated in the second epoch
    history = [{"train_top_5_accuracy": train, "test_top_5_accuracy": test} for train, test in accuracies]
    found = table2.with_top_accuracies([{"history": history}, {"history": []}])
    names = ("train_top_5_accuracy", "test_top_5_accuracy", "best_test_top_5_accuracy")
    assert [[row[name] for name in names] for row in found] == [[1.0, 0.6, 0.7], [None, None, None]]


@pytest.fixture
def folder_of_jpegs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ImageNet's folders with two classes of two images, of different sizes, and one of each for validation."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 2), ("val", 1)):
        for kind in ("n01440764", "n01443537"):
            folder = tmp_path / "imagenet" / split / kind
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (350 + 10 * i, 400, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{kind}_{i}.JPEG")
    monkeypatch.setenv("GENGAP_DATA", str(tmp_path))
    monkeypatch.setenv("GENGAP_SHARDS", str(tmp_path / "shards"))
    return tmp_path / "imagenet"


def test_imagenet_is_read_from_its_folders(folder_of_jpegs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "IMAGES", {"train": 4, "val": 2})
    monkeypatch.setattr(imagenet, "CLASSES", 2)
    monkeypatch.setenv("GENGAP_MEMORY_LIMIT", "4M")  # so that it goes through shards
    for config, cell in zip(table2.sweep("paper"), table2.cells(table2.sweep("paper")), strict=True):
        assert cell.problem.train.x.shape == (4, 3, 342, 342)
        assert cell.problem.input_shape == (3, 299, 299)
        assert cell.problem.preprocessing.scale == "signed"
        assert (cell.corruption, cell.level) == ("labels", config.level)
        recipe = cell.recipe
        assert (recipe.model, recipe.precision, recipe.top_k) == ("inception-v3", "float32", 5)
        assert (recipe.random_crop, recipe.flip) == (config.augmentation,) * 2
        assert (recipe.dropout > 0, recipe.weight_decay > 0) == (config.dropout, config.weight_decay)
        assert recipe.learning_rate_at(4, 2) == pytest.approx(0.045 * 0.94)  # after two epochs of two steps
    assert list((folder_of_jpegs.parent / "shards").iterdir())


def test_a_part_of_imagenet_is_refused(folder_of_jpegs: Path) -> None:
    with pytest.raises(InputError, match="4 training and 2 validation images of 2 classes") as error:
        imagenet.imagenet()
    assert "1,281,167 and 50,000 of 1,000" in error.value.expected


def test_where_imagenet_belongs_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENGAP_DATA", str(tmp_path))
    (tmp_path / "imagenet" / "train").mkdir(parents=True)
    with pytest.raises(InputError, match="there is no folder val") as error:
        table2.cells(table2.sweep("paper"))
    assert f"{tmp_path}/imagenet/train/CLASS/NAME.JPEG" in error.value.expected
    assert "gengap study run zhang2017/table2 --scale paper" in error.value.next_step


def test_epochs_to_overfit_by_hand() -> None:
    losses = [None, 0.2, 0.05, 0.0499, 0.01]  # not measured; above; at; below
    assert epochs_to_overfit([{"epoch": n, "train_loss": loss} for n, loss in enumerate(losses, 1)]) == 4
    assert epochs_to_overfit([{"epoch": 1, "train_loss": float("nan")}]) is None


def test_relative_times_by_hand() -> None:
    def row(level, seed, epochs, overfit):
        losses = [1.0] * (overfit - 1) + [0.01] * (epochs - overfit + 1)
        history = [{"epoch": n, "train_loss": loss, "train_accuracy": 0.5} for n, loss in enumerate(losses, 1)]
        fit = overfit + 1 if overfit < epochs else None
        return {
            "model": "m",
            "corruption": "labels",
            "level": level,
            "seed": seed,
            "history": history,
            "epochs_to_fit": fit,
        }

    rows = with_overfit_times([row(0.0, 0, 9, 4), row(0.0, 1, 9, 6), row(1.0, 0, 12, 10), row(0.5, 0, 3, 4)])
    assert [r["relative_time"] for r in rows] == [4 / 5, 6 / 5, 2.0, None]
    assert [r["relative_time_to_fit"] for r in rows] == [5 / 6, 7 / 6, 11 / 6, None]
    assert rows[3]["relative_time_reason"] == "training ended with a loss of 1 after 3 epochs"
    unknown = with_overfit_times([row(1.0, 0, 12, 10)])[0]
    assert unknown["relative_time"] is None
    assert "true labels" in unknown["relative_time_reason"]


def test_losses_after_an_early_end_are_the_last() -> None:
    row = trained_row(Config("desk", INCEPTION), epochs=7)
    found = figure1a.with_losses([row])[0]
    assert found["train_loss_5"] == row["history"][4]["train_loss"]
    assert found["train_loss_30"] == row["history"][6]["train_loss"]


def test_best_and_last_by_hand() -> None:
    assert figure2b.best_and_last([0.5, 0.8, 0.75]) == {
        "best_accuracy": 0.8, "last_accuracy": 0.75, "early_stopping_gain": pytest.approx(0.05),
    }  # fmt: skip
    row = trained_row(Config("paper", INCEPTION), epochs=68)
    row["history"][60]["test_accuracy"] = 1.0  # after the epochs that the figure shows
    assert figure2b.with_best_and_last([row])[0]["best_accuracy"] == pytest.approx(0.54)


MEASURED = {
    "zhang2017/table1": lambda rows: rows,
    "zhang2017/table2": table2.with_top_accuracies,
    "zhang2017/figure1a": lambda rows: figure1a.with_losses(with_overfit_times(rows)),
    "zhang2017/figure1b": with_overfit_times,
    "zhang2017/figure1c": figure1c.with_test_error,
    "zhang2017/figure2b": figure2b.with_best_and_last,
}


def _outcome(name, statuses=("done",), scale="paper"):
    one = find_studies(name)[0]
    rows = [
        trained_row(config, status=statuses[min(n, len(statuses) - 1)]) for n, config in enumerate(one.sweep(scale))
    ]
    return Outcome(one, scale, MEASURED[name](rows))


@pytest.mark.parametrize("name", MEASURED)
def test_views_of_made_up_rows(name: str) -> None:
    outcome = _outcome(name)
    assert len(outcome.artifact().views) == len(outcome.study.views)
    assert all(comparison.verdict in ("agrees", "disagrees") for comparison in outcome.comparisons())
    seeds = 1 if name == "zhang2017/table2" else 3
    assert all(len(comparison.values) == seeds for comparison in outcome.comparisons())


@pytest.mark.parametrize("name", MEASURED)
def test_failures_and_divergence_stay_visible(name: str) -> None:
    outcome = _outcome(name, ("diverged", "failed", "done"))
    unfinished = outcome.artifact().unfinished
    assert list(unfinished["reason"]) == ["made up to be diverged", "made up to be failed"]
    assert [row["status"] for row in outcome.failed] == ["failed"]
    assert len(outcome.to_json()["failed"]) == 1
    assert outcome.comparisons()[0].verdict == "disagrees"
    assert any("failed: made up to be failed" in comparison.absence for comparison in outcome.comparisons())


@pytest.mark.parametrize("name", MEASURED)
def test_nothing_but_failures_still_gives_a_report(name: str) -> None:
    outcome = _outcome(name, ("failed",))
    artifact = outcome.artifact()
    assert len(artifact.unfinished) == len(outcome.rows)
    assert all(comparison.verdict == "not comparable" and comparison.absence for comparison in artifact.comparisons)


def test_table_1_has_our_mean_in_percent() -> None:
    rows = pd.DataFrame(_outcome("zhang2017/table1").rows)
    assert list(table1.table_1(rows).frame["test, ours"]) == [50.0] * 19


def test_table_2_has_our_accuracies_in_percent() -> None:
    frame = table2.table_2(pd.DataFrame(_outcome("zhang2017/table2").rows)).frame
    assert list(frame["top-1 test, ours"]) == [50.0] * 7
    assert list(frame["top-5 test, paper"])[:2] == [93.92, 90.43]


def test_below_paper_scale_nothing_is_judged() -> None:
    verdicts = {comparison.verdict for comparison in _outcome("zhang2017/table1", scale="desk").comparisons()}
    assert verdicts == {"not comparable"}


def test_noisy_test_error_is_that_of_corrupted_test_labels() -> None:
    """Against labels redrawn as training labels are, by simulation; and by hand at both ends."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 10, 400_000)
    answer = np.where(rng.random(truth.size) < 0.6, truth, (truth + rng.integers(1, 10, truth.size)) % 10)
    accuracy = float((answer == truth).mean())
    for level, expected in ((0.0, 1 - accuracy), (1.0, 0.9), (0.5, None)):
        row = {"status": "done", "test_accuracy": accuracy, "level": level, "n_classes": 10}
        (given,) = figure1c.with_test_error([row])
        noisy = np.where(rng.random(truth.size) < level, rng.integers(0, 10, truth.size), truth)
        assert given["noisy_test_error"] == pytest.approx(float((answer != noisy).mean()), abs=0.004)
        if expected is not None:
            assert given["noisy_test_error"] == pytest.approx(expected)
