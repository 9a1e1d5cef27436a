"""Liao et al. 2018: the paper's numbers, the grids, lines from made-up networks, and the views."""

import math
import os
from dataclasses import asdict
from functools import cache

import numpy as np
import pandas as pd
import pytest

from gengap.report import Figure, Table
from gengap.studies import Outcome, find_studies
from gengap.studies.liao2018 import figure1, figure3, figure4, figure6, figure10, lines, published, trainings
from gengap.studies.liao2018.lines import line_row
from gengap.studies.liao2018.trainings import FIVE, Config, networks

NAMES = [f"liao2018/{stem}" for stem in ("figure1", "figure10", "figure12", "figure3", "figure4", "figure6")]


def test_the_printed_fits() -> None:
    assert [one.name for one in find_studies("liao2018")] == NAMES
    values = {
        (n.where["figure"], n.quantity): n.value for n in (*figure4.REPORTED, *figure6.REPORTED, *figure10.REPORTED)
    }
    assert values["Figure 5", "slope"] == 0.836
    assert values["Figure 4", "rmse"] == 5.6567e-5
    fixed = [values[f"Figure {n}", "fixed_point"] for n in (4, 5, 6, 10)]
    assert fixed == [2.3039, 2.2988, 2.3011, 2.308]
    assert all(abs(value - math.log(10)) < published.TOLERANCES["fixed_point"] for value in fixed)
    assert {n.quantity: n.value for n in figure3.REPORTED} == {"train_loss": 0.0044, "parameters": 154_464}


def test_recipes_are_the_authors() -> None:
    first, second = trainings.recipes(Config("paper", "f"))
    assert (second.learning_rate, second.momentum, second.decay, second.epochs) == (0.01, 0.9, 1.0, 300)
    assert (second.batch_size, second.snapshot_loss, first.interpolate) == (256, 0.0044, True)
    first, second = trainings.recipes(Config("paper", "f", model=FIVE))
    assert (first.epochs, second.epochs, second.snapshot_loss) == (30, 80, 0.006)
    assert first.precision == second.precision == "float32"  # what is judged is not left to what is fastest


def test_networks_of_a_line() -> None:
    made = networks(Config("smoke", "f"))
    assert [n.pretraining.level for n in made] == [0.0, 0.5, 1.0]
    assert [n.pretraining.recipe is None for n in made] == [True, False, False]
    assert made[0].cell.problem.input_shape == (1, 12, 12)
    assert networks(Config("smoke", "g", norm="l1"))[1].key == made[1].key
    both = networks(Config("smoke", "f", method="seeds and random labels"))
    assert [n.cell.seed for n in both] == [0, 1, 2, 0]
    random, true = both[-1].cell.problem, both[0].cell.problem
    assert (random.test.y != true.test.y).mean() > 0.7  # tested on random labels too
    assert (random.train.y != true.train.y).mean() > 0.7
    deviations = networks(Config("smoke", "f", model=FIVE, method="deviation"))
    assert [n.pretraining.initial_std for n in deviations] == list(trainings.DEVIATIONS["smoke"])


@pytest.mark.realdata
@pytest.mark.skipif("GENGAP_DATA" not in os.environ, reason="CIFAR-10 under GENGAP_DATA is needed")
def test_desk_uses_all_images_for_the_pretrained_3_layer_networks() -> None:
    pretrained, others = networks(Config("desk", "f")), networks(Config("desk", "f", method="seeds"))
    assert (len(pretrained[0].cell.problem.train), len(others[0].cell.problem.train)) == (50_000, 5_000)
    assert [n.cell.recipe.target_loss for n in (pretrained[1], others[1])] == [0.0022, None]
    assert pretrained[0].cell.problem.input_shape == (3, 32, 32)
    assert [n.pretraining.level for n in pretrained] == list(trainings.LEVELS["desk"])


def _points(config, ratio=0.8, n=5, noise=0.01, status="done"):
    """Networks whose normalised signals have one ratio, up to noise."""
    rng, log = np.random.default_rng(0), math.log(10)
    points = []
    for i in range(n):
        signal = 1e-3 * (1 + i)
        test_signal = (ratio + noise * rng.normal()) * signal
        points.append(
            asdict(config)
            | {"kind": "network", "status": status, "reason": None if status == "done" else "made up"}
            | {"random_labels": i == n - 1 and "random" in config.method, "seed": i, "parameters": 154_464}
            | {"n_train": 100, "n_test": 50, "n_classes": 10, "initial_std": None, "pretraining_level": i / n}
            | {"epoch": 3, "pretraining_accuracy": 0.5, "train_error": 0.0, "test_error": 0.6 - 0.01 * i}
            | {"train_loss": 0.0044 + 1e-5 * (i % 3), "test_loss": 3.0 - 0.1 * i, "product_norm": 1 / signal}
            | {"normalised_train_loss": log - signal, "normalised_test_loss": log - test_signal}
            | {"train_signal": signal, "test_signal": test_signal}
        )
    return points


def test_the_line_of_networks_with_one_ratio() -> None:
    config = Config("desk", "Figure 5")
    row = line_row(config, _points(config, noise=0.0))
    assert row["status"] == "done"
    assert (row["n"], row["figure"], row["kind"], row["parameters"]) == (5, "Figure 5", "line", 154_464)
    assert row["slope"] == pytest.approx(0.8, rel=1e-9)
    assert row["fixed_point"] == pytest.approx(row["ln_classes"]) == pytest.approx(math.log(10))
    assert row["signal_ratio"] == pytest.approx(0.8)
    assert row["train_loss"] == pytest.approx(0.0044 + 8e-6)
    assert row["unnormalised_r2"] < 0.3
    assert row["tau_product_norm"] == pytest.approx(1)  # both fall with i
    assert row["tau_normalised_train_loss"] == pytest.approx(1)


def test_a_line_with_too_few_networks_tells_why() -> None:
    config = Config("desk", "Figure 5")
    row = line_row(config, [*_points(config)[:2], *_points(config, status="failed")[2:]])
    assert row["status"] == "missing"
    assert row["reason"].startswith("2 of 5 networks")


@cache
def _outcome(name: str, scale: str = "paper", **points: object) -> Outcome:
    one = find_studies(name)[0]
    rows = []
    for config in one.sweep(scale):
        own = _points(config, **points)
        rows += [line_row(config, own), *own]
    return Outcome(one, scale, rows)


@pytest.mark.parametrize("name", NAMES)
def test_views_and_comparisons_of_made_up_rows(name: str) -> None:
    outcome = _outcome(name)
    artifact = outcome.artifact()
    assert len(artifact.views) == len(outcome.study.views)
    assert all(comparison.verdict in ("agrees", "disagrees") for comparison in artifact.comparisons)
    assert not outcome.failed
    for view in artifact.views:
        if isinstance(view, Figure):
            assert view.chart.to_dict()


def test_pages_of_one_paper_have_figures_of_different_names() -> None:
    names = [view.name for name in NAMES for view in _outcome(name).artifact().views if isinstance(view, Figure)]
    assert len(set(names)) == len(names)


def test_random_labels_are_told_apart_in_figure_10() -> None:
    rows = pd.DataFrame(_outcome("liao2018/figure10").rows)
    table = [view(rows) for view in figure10.liao2018_figure10().views][-1]
    assert isinstance(table, Table)
    assert list(table.frame["what"]).count("random labels") == 1


def test_figure_1_has_both_methods_and_both_networks() -> None:
    lines = {(config.model, config.method) for config in figure1.sweep("paper")}
    assert lines >= {
        (model, method) for model in (FIVE, trainings.FIVE_NO_BN) for method in ("pretraining", "deviation")
    }


def test_nothing_but_failures_still_gives_a_report() -> None:
    outcome = _outcome("liao2018/figure4", status="failed")
    assert outcome.artifact().views == []
    assert len(outcome.failed) == len(outcome.rows)


def test_a_network_that_ended_at_chance_has_diverged() -> None:
    def point(loss):
        snapshot = {"snapshot": "last", "train_loss": loss}
        row = {"status": "done", "reason": "", "n_classes": 10, "snapshots": [snapshot]}
        return lines._point(Config("desk", "f"), row, False)

    assert (point(0.0044)["status"], point(2.27)["status"]) == ("done", "done")
    lost = point(2.3002)  # ln 10 is 2.3026
    assert lost["status"] == "diverged"
    assert lost["reason"] == "its training loss is that of guessing, 2.3002"
