"""Belkin et al. 2019: the paper's numbers, the grids, peaks, and what is computed for rows."""

import numpy as np
import pandas as pd
import pytest

from gengap.studies.belkin2019 import curve, figure2, figure3, figure4, random_features, relu_features
from gengap.studies.belkin2019.examples import examples
from gengap.studies.belkin2019.published import points
from gengap.studies.belkin2019.random_features import COUNTS


def _value(reported, quantity, **where):
    (found,) = [n.value for n in reported if n.quantity == quantity and all(n.where[k] == v for k, v in where.items())]
    return found


def test_figure_2_is_whole() -> None:
    assert len(COUNTS) == 20
    assert {int(p["N"]) for p in points("fig2_rff") if p["series"] == "test 01 %"} == set(COUNTS)
    assert len(figure2.REPORTED) == 3 * 20 + 9 + 14 + 3 + 1
    assert _value(figure2.REPORTED, "test_error", n_features=10_000) == pytest.approx(88.27)
    assert _value(figure2.REPORTED, "test_error", n_features=None) == pytest.approx(2.29)
    assert _value(figure2.REPORTED, "norm", n_features=None) == 61.6
    assert _value(figure2.REPORTED, "train_loss", n_features=60_000) == 0  # round-off below zero in the file


def test_figure_3_is_whole() -> None:
    assert len(figure3.WIDTHS) == 23
    assert len(figure3.REPORTED) == 4 * 23 + 1
    assert _value(figure3.REPORTED, "test_error", width=52) == pytest.approx(20.78)
    assert figure3.CLASSES * figure3.EXAMPLES["paper"][0] == 40_000


def test_figure_4_is_whole_and_its_losses_are_sums() -> None:
    assert len(figure4.REPORTED) == 60 + 56 + 22 + 23
    assert _value(figure4.REPORTED, "test_loss", max_leaves=60, trees=1) == pytest.approx(0.4662)
    assert _value(figure4.REPORTED, "test_error", max_leaves=2000, trees=20) == pytest.approx(5.829)


def test_peaks_belong_to_their_curves() -> None:
    losses = {"a": [9, 2, 7, 3, 1], "b": [9, 7, 5, 3, 1], "c": [1, 2]}
    rows = [
        {"N": 10 * (k + 1), "curve": name, "test_loss": loss, "n": 20}
        for name, values in losses.items()
        for k, loss in enumerate(values)
    ]
    rows += [{"N": None, "curve": "a", "test_loss": 0.5, "n": 20}, {"N": 60, "curve": "a", "test_loss": None, "n": 20}]
    found = curve.with_peaks(rows, "N", ("curve",), lambda row: row["n"])
    peaks = {row["curve"]: [row[f"peak_{part}"] for part in ("at", "low", "high", "over_threshold")] for row in found}
    assert peaks == {"a": [30, 20, 40, 1.5], "b": [None] * 4, "c": [None] * 4}
    assert all(len(row) == 8 for row in found)


@pytest.mark.parametrize("module", [figure2, relu_features])
def test_the_threshold_is_on_the_grid_of_every_scale(module) -> None:
    for scale in ("smoke", "desk", "paper"):
        counts = {config.n_features for config in module.sweep(scale)}
        assert random_features.EXAMPLES[scale][0] in counts


def test_noise_is_in_training_labels_only() -> None:
    clean, noisy = (examples("smoke", (300, 100), noise, 0) for noise in (0.0, 0.5))
    np.testing.assert_array_equal(clean.y_test, noisy.y_test)
    assert np.mean(clean.y != noisy.y) == pytest.approx(0.45, abs=0.12)  # a redrawn label may be the old one
    np.testing.assert_array_equal(noisy.targets.argmax(axis=1), noisy.y)
    assert 0 <= clean.x.min() < clean.x.max() <= 1


def test_unreliable_points_tell_why_in_each_column() -> None:
    row = random_features._row({"norm": None, "condition": 1e12, "reason": "too large"})
    assert row["norm"] is None
    assert row["norm_reason"] == row["test_error_reason"] == "too large"
    assert "condition_reason" not in row


def test_a_curve_is_drawn_beside_the_papers() -> None:
    rows = pd.DataFrame(
        {"n_features": [200, 500, None], "noise": 0.0, "seed": 0, "test_error": [0.2, 0.1, 0.02], "train_error": 0.1}
    )
    drawn = curve.figure(
        rows, "test_error", "n_features", "N", [{"capacity": 200.0, "quantity": "test_error", "value": 0.15}]
    )
    assert drawn is not None
    assert sorted(drawn.data[drawn.data["split"] == "test"]["value"]) == [0.1, 0.15, 0.2]  # not the limit's
    assert set(drawn.data["source"]) == {"this run", "paper"}
    assert curve.figure(rows.assign(test_error=None), "test_error", "n_features", "N") is None
