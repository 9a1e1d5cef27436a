"""The randomization test's summary by hand, and its page for every kind of sweep."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_rows import STEPS_PER_EPOCH, cell, grid_rows, label_rows

from gengap.json_text import json_text
from gengap.report import Figure, Page, Table, label_bits, randomize_page, summarise, write_page
from gengap.report import verdict as told_by
from gengap.report.randomize.conditions import condition_colours, with_conditions
from gengap.report.randomize.points import error_points, gap_points, loss_points, steps_per_epoch, time_points

LEVELS = [0.0, 0.5, 1.0]


def rows_by_hand() -> pd.DataFrame:
    """Two seeds: true labels fitted in 10 and 20 epochs, random ones in 30 and 60, 1,000 examples, 8 classes."""
    rows = label_rows([0.0, 1.0], (0, 1))
    rows["n_train"], rows["parameters"] = 1000, 3000
    rows["epochs_to_fit"] = [10, 20, 30, 60]
    rows["train_accuracy"] = [1.0, 1.0, 1.0, 1.0]
    rows["test_accuracy"] = [0.75, 0.25, 0.125, 0.125]
    return rows


def figures(page: Page) -> dict[str, Figure]:
    return {figure.name: figure for figure in page.figures()}


def test_summary_by_hand() -> None:
    summary = summarise(rows_by_hand(), n_classes=8)
    assert summary["verdict"] == "memorises"
    assert summary["judged_level"] == 1.0
    assert summary["slowdown"] == 3.0
    assert summary["chance_accuracy"] == 0.125
    assert summary["true_labels"]["test_accuracy"] == 0.5
    assert summary["true_labels"]["test_accuracy_min"] == 0.25
    assert summary["random_labels"]["gap"] == 0.875
    assert summary["capacity_used"] == {
        "parameters_per_example": 3.0,
        "fitted_fraction": 1.0,
        "fitted_examples": 1000,
        "label_bits": 3000.0,
        "bits_per_parameter": 1.0,
        "reason": None,
    }
    assert summary["cells"] == {"done": 4}


def test_order_of_rows_does_not_matter() -> None:
    rows = grid_rows()
    shuffled = rows.sample(frac=1, random_state=1)
    assert json_text(summarise(shuffled, 10)) == json_text(summarise(rows, 10))


@pytest.mark.parametrize(
    ("accuracies", "verdict"), [([0.99, 1.0], "memorises"), ([0.9899, 1.0], "mixed"), ([0.9, 0.98], "not-memorised")]
)
def test_verdict_asks_every_seed_for_99_percent(accuracies: list[float], verdict: str) -> None:
    rows = rows_by_hand()
    rows.loc[rows["level"] == 1, "train_accuracy"] = accuracies
    assert summarise(rows)["verdict"] == verdict


@pytest.mark.parametrize(
    ("level", "n_classes", "verdict"), [(0.01, 10, "undecided"), (0.02, 2, "undecided"), (0.1, 10, "memorises")]
)
def test_labels_of_which_few_are_redrawn_tell_nothing(level: float, n_classes: int, verdict: str) -> None:
    rows = label_rows([0.0, level], (0,)).assign(train_accuracy=0.995)
    summary = summarise(rows, n_classes)
    assert summary["verdict"] == verdict
    if verdict == "undecided":
        assert "memorises nothing may reach" in randomize_page(rows, summary).lead


def test_noise_tells_nothing_where_one_class_is_nearly_all() -> None:
    rows = pd.DataFrame([cell("none", 0.0, 0), cell("gaussian", 1.0, 0)]).assign(train_accuracy=0.993)
    assert summarise(rows, 2, majority=0.5)["verdict"] == "memorises"
    summary = summarise(rows, 2, majority=0.993)
    assert summary["verdict"] == "undecided"
    assert "The most frequent class has 99.3%" in json_text(told_by(summary))


def test_leads_of_runs_that_diverged_failed_or_lost_what_they_had_fitted() -> None:
    rows = pd.DataFrame([cell("none", 0.0, 0), cell("labels", 1.0, 0, status="diverged")])
    assert randomize_page(rows, summarise(rows, 10)).lead == "It did not memorise: every run on random labels diverged."
    assert "lower learning rate" in json_text(told_by(summarise(rows, 10)))
    rows = pd.DataFrame([cell("none", 0.0, 0, status="failed"), cell("labels", 1.0, 0, status="failed")])
    assert randomize_page(rows, summarise(rows, 10)).lead == "Undecided: every cell failed."
    rows = rows_by_hand()
    rows.loc[rows["level"] == 1, "train_accuracy"] = 0.985
    assert "when training ended, it did not fit random labels" in randomize_page(rows, summarise(rows, 8)).lead


def test_diverged_counts_as_not_fitted_and_failed_as_nothing() -> None:
    rows = pd.DataFrame([cell("none", 0.0, 0), cell("labels", 1.0, 0), cell("labels", 1.0, 1, status="failed")])
    assert summarise(rows)["verdict"] == "memorises"
    rows = pd.DataFrame([cell("none", 0.0, 0), cell("labels", 1.0, 0), cell("labels", 1.0, 1, status="diverged")])
    assert summarise(rows)["verdict"] == "mixed"
    assert summarise(rows)["random_labels"]["diverged"] == 1


@pytest.mark.parametrize(
    ("corruptions", "judged", "verdict", "words"),
    [
        (["random-pixels", "gaussian"], "gaussian", "memorises", "fits Gaussian noise for images all the same"),
        (["shuffled-pixels", "random-pixels"], "random-pixels", "memorises", "pixels in random order all the same"),
        (["shuffled-pixels"], None, "undecided", "Undecided"),
        (["random-labels", "gaussian"], "labels", "memorises", "fits random labels all the same"),
    ],
)
def test_verdict_speaks_of_noise_where_no_labels_were_corrupted(corruptions, judged, verdict, words) -> None:
    rows = pd.DataFrame([cell("none", 0.0, 0), *(cell(name, 1.0, 0, epochs=120) for name in corruptions)])
    summary = summarise(rows, 10)
    assert (summary["judged"], summary["verdict"]) == (judged, verdict)
    page = randomize_page(rows, summary)
    assert words in page.lead
    told = " ".join(told_by(summary))
    pixels = [name for name in corruptions if name != "random-labels"]
    assert set(summary["pixels"]) == set(pixels)
    assert told.count("ends with a training accuracy") == 1 + len(corruptions)
    if judged == "gaussian":
        assert summary["slowdown"] == rows["epochs_to_fit"].iloc[-1] / rows["epochs_to_fit"].iloc[0]
        assert summary["capacity_used"]["fitted_examples"] > 0.99 * 50_000
        assert summary["capacity_used"]["label_bits"] is None


def test_slowdown_needs_every_seed_to_fit() -> None:
    rows = rows_by_hand()
    rows["epochs_to_fit"] = [10, 20, 30, None]
    summary = summarise(rows)
    assert summary["slowdown"] is None
    assert summary["slowdown_reason"] == "1 of 2 seeds fitted the corrupted data"


def test_random_labels_are_labels_at_level_one() -> None:
    rows = rows_by_hand()
    other = rows.assign(corruption=rows["corruption"].replace("labels", "random-labels"))
    assert summarise(other, 8) == summarise(rows, 8)


def test_partly_corrupted_labels_give_no_bits() -> None:
    used = summarise(label_rows([0.0, 0.5]), 10)["capacity_used"]
    assert used["fitted_fraction"] > 0.99
    assert used["label_bits"] is None
    assert "wholly random" in used["reason"]


def test_mixed_models_are_refused() -> None:
    rows = label_rows([0.0, 1.0])
    rows["model"] = ["mlp-1x512", "alexnet-small"]
    with pytest.raises(ValueError, match="one model expected"):
        summarise(rows)


@pytest.mark.parametrize("rows", [grid_rows(), label_rows([0.5]), label_rows([0.0]), grid_rows().iloc[:0]])
def test_summary_is_json_without_nan(rows: pd.DataFrame) -> None:
    json.dumps(summarise(rows, 10), allow_nan=False)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_label_bits_are_the_least_information_of_any_channel(n_classes: int) -> None:
    """Twin: the mutual information of the symmetric channel; law: no other channel with that error carries less."""
    rng = np.random.default_rng(0)
    off = ~np.eye(n_classes, dtype=bool)
    for error in (0.0, 0.01, 0.3, 1 - 1 / n_classes):
        channel = np.where(off, error / (n_classes - 1), 1 - error)
        assert math.isclose(information(channel), label_bits(error, n_classes), abs_tol=1e-12)
        for _ in range(20):
            wild = np.zeros((n_classes, n_classes))
            wild[off] = rng.dirichlet(np.ones(n_classes - 1), n_classes).ravel() * error
            assert information(wild + np.diag(np.full(n_classes, 1 - error))) >= label_bits(error, n_classes) - 1e-12


def information(channel: np.ndarray) -> float:
    """Mutual information in bits between a uniform input and the output of a channel."""
    joint = channel / len(channel)
    product = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    positive = joint > 0
    return float((joint[positive] * np.log2(joint[positive] / product[positive])).sum())


def test_conditions_follow_the_papers_legend() -> None:
    named = with_conditions(grid_rows((0,)))
    assert list(dict.fromkeys(named["condition"])) == [
        "true labels", "50% corrupted", "random labels", "shuffled pixels", "random pixels", "gaussian",
    ]  # fmt: skip
    palette = condition_colours(named)
    assert len(set(palette.values())) == 6
    assert (palette["true labels"], palette["random labels"]) == ("#0072b2", "#d55e00")


def test_time_is_relative_to_the_mean_at_level_zero() -> None:
    points, relative = time_points(with_conditions(rows_by_hand()), None)
    assert relative
    assert points[["level", "mean", "low", "high", "n"]].to_numpy().tolist() == [
        [0.0, 1.0, 10 / 15, 20 / 15, 2.0],
        [1.0, 3.0, 2.0, 4.0, 2.0],
    ]


def test_time_of_unfitted_cells_is_a_lower_limit() -> None:
    rows = rows_by_hand().assign(epochs=90)
    rows["epochs_to_fit"] = [10, 20, 30, None]
    points, _ = time_points(with_conditions(rows), None)
    assert points["at_least"].tolist() == [False, True]
    assert points["mean"].tolist() == [1.0, 4.0]  # (30 + 90) / 2 / 15


def test_time_without_level_zero_is_in_epochs() -> None:
    rows = rows_by_hand().query("level == 1")
    points, relative = time_points(with_conditions(rows), None)
    assert not relative
    assert points["mean"].tolist() == [45.0]


def test_errors_over_seeds() -> None:
    points = error_points(with_conditions(rows_by_hand()), None)
    assert points[["mean", "low", "high"]].to_numpy().tolist() == [[0.5, 0.25, 0.75], [0.875, 0.875, 0.875]]
    gaps = gap_points(with_conditions(rows_by_hand())).set_index("condition")
    assert gaps.loc["true labels", ["train_error", "test_error", "n"]].tolist() == [0.0, 0.5, 2]


def test_loss_points_stop_at_the_last_finite_loss_of_a_diverged_run() -> None:
    named = with_conditions(pd.DataFrame([cell("none", 0.0, 0, epochs=3), cell("labels", 1.0, 0, status="diverged")]))
    points = loss_points(named, None)
    assert points.groupby("condition").size().to_dict() == {"true labels": 3, "random labels": 3}
    assert points.loc[points["diverged"], ["condition", "epoch", "train_loss"]].to_numpy().tolist() == [
        ["random labels", 3, 4e8]
    ]
    assert steps_per_epoch(named) == STEPS_PER_EPOCH


def published() -> dict[str, pd.DataFrame]:
    levels = [0.0, 0.5, 1.0]
    models = np.repeat(["inception-small", "mlp-1x512"], 3)
    loss = {"thousand_steps": [0.391, 0.782], "epochs_if_batch128": [1.0, 2.0], "train_loss": [2.3, 2.2]}
    return {
        "fig1a": pd.concat([pd.DataFrame(loss).assign(series=s) for s in ("random labels", "gaussian")]),
        "fig1b": pd.DataFrame({"model": models, "label_corruption": levels * 2, "relative_time_to_overfit": 1.5}),
        "fig1c": pd.DataFrame({"model": models, "label_corruption": levels * 2, "test_error": 0.7}),
    }


def test_papers_curves_stand_beside_ours_where_they_compare() -> None:
    rows = label_rows(LEVELS)
    drawn = figures(randomize_page(rows, summarise(rows, 10), published()))
    curves = drawn["learning-curves"].data.query("source == 'paper'")
    assert curves["condition"].unique().tolist() == ["random labels"]  # we have no gaussian
    assert curves["steps"].tolist() == [391.0, 782.0]
    for name in ("time-to-fit", "test-error"):
        theirs = drawn[name].data.query("source == 'paper'")
        assert theirs["model"].unique().tolist() == ["mlp-1x512"]
        assert "Dashed: the paper's own curves" in drawn[name].caption
    unlike = rows.assign(model="mine")
    drawn = figures(randomize_page(unlike, summarise(unlike, 10), published()))
    assert drawn["test-error"].data["model"].unique().tolist() == ["mine", "inception-small", "mlp-1x512"]


def test_relative_curves_of_the_paper_stay_out_of_a_chart_in_epochs() -> None:
    rows = label_rows([0.5, 1.0])
    figure = figures(randomize_page(rows, summarise(rows, 10), published()))["time-to-fit"]
    assert set(figure.data["source"]) == {"this run"}
    assert "epochs are shown" in figure.caption


def without_history(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(history=None)


ALL_DIVERGED = pd.DataFrame([cell("labels" if level else "none", level, 0, status="diverged") for level in LEVELS])
ALL_FAILED = pd.DataFrame([cell("labels" if level else "none", level, 0, status="failed") for level in LEVELS])
PIXELS = pd.DataFrame([cell("random-pixels", 1.0, seed) for seed in (0, 1)])


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        (grid_rows(), {"learning-curves", "time-to-fit", "test-error", "generalization-gap"}),
        (label_rows([1.0]), {"learning-curves", "generalization-gap"}),
        (without_history(label_rows(LEVELS)), {"time-to-fit", "test-error", "generalization-gap"}),
        (label_rows(LEVELS, epochs=3), {"learning-curves", "time-to-fit", "test-error", "generalization-gap"}),
        (PIXELS, {"learning-curves", "generalization-gap"}),
        (ALL_DIVERGED, {"learning-curves"}),
        (ALL_FAILED, set()),
    ],
    ids=["grid", "one level", "no history", "not fitted", "pixels", "all diverged", "all failed"],
)
def test_page_of_any_sweep_can_be_written(rows: pd.DataFrame, names: set[str], tmp_path: Path) -> None:
    summary = summarise(rows, 10)
    page = randomize_page(rows, summary, published())
    assert set(figures(page)) == names
    html = write_page(page, tmp_path, rows, {"summary": summary}).read_text(encoding="utf-8")
    text = html[: html.index("<script", html.index("<body"))] if names else html
    assert "nan" not in text.lower().replace("training loss is nan", "")
    assert {p.stem for p in tmp_path.glob("*.png")} == names
    assert json.loads((tmp_path / "report.json").read_text())["summary"] == summary


def test_without_classes_chance_is_left_out() -> None:
    rows = label_rows(LEVELS)
    page = randomize_page(rows, summarise(rows))
    assert "chance" not in json_text([figure.caption for figure in page.figures()])
    assert all("chance" not in json_text(figure.chart.to_dict()) for figure in page.figures())
    known = randomize_page(rows, summarise(rows, 10))
    assert "chance" in json_text(figures(known)["test-error"].chart.to_dict())


def test_cells_without_a_result_stay_visible_with_their_reason() -> None:
    rows = grid_rows()
    page = randomize_page(rows, summarise(rows, 10))
    (table,) = [p for s in page.sections for p in s.parts if isinstance(p, Table) and "reason" in p.frame]
    assert table.frame["status"].tolist() == ["diverged", "failed"]
    assert table.frame["reason"].tolist() == ["training loss is NaN in epoch 4", "worker <killed> & gone"]


def test_verdict_says_what_was_found() -> None:
    rows = rows_by_hand()
    page = randomize_page(rows, summarise(rows, 8))
    text = json_text([page.lead, [list(getattr(part, "paragraphs", [])) for part in page.sections[0].parts]])
    assert "It memorises: this recipe fits random labels all the same." in text
    assert "took 3 times as many epochs" in text
    assert "Of 1,000 training labels it reproduces 1,000, with 3 parameters for each example" in text
    assert "at least 3,000 bits, 1 for each parameter" in text
    assert "Guessing would score 12.5%" in text


def test_large_ratios_are_written_out() -> None:
    rows = rows_by_hand().assign(n_train=1000, parameters=1_234_000)
    rows["epochs_to_fit"] = [1, 1, 150, 162]
    page = randomize_page(rows, summarise(rows, 8), published())
    text = json_text([list(getattr(part, "paragraphs", [])) for part in page.sections[0].parts])
    assert "took 156 times as many epochs" in text
    assert "with 1,234 parameters for each example" in text
    assert figures(page)["time-to-fit"].alternative.endswith("0.0 1, 1.0 156.")
    ours = figures(page)["learning-curves"].data.query("source == 'this run' and condition == 'random labels'")
    assert figures(page)["learning-curves"].alternative.endswith(f"random labels {ours['train_loss'].iloc[-1]:.4g}.")
