"""The page of a randomization test for every kind of sweep, and its words."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_rows import cell, grid_rows, label_rows, rows_by_hand

from gengap.json_text import json_text
from gengap.report import Figure, Page, Table, write_page
from gengap.tasks.randomize import randomize_page
from gengap.tasks.randomize import verdict as verdict_words
from gengap.verdicts import memorisation

LEVELS = [0.0, 0.5, 1.0]


def figures(page: Page) -> dict[str, Figure]:
    return {figure.name: figure for figure in page.figures()}


@pytest.mark.parametrize(
    ("level", "n_classes", "verdict"), [(0.01, 10, "undecided"), (0.02, 2, "undecided"), (0.1, 10, "memorises")]
)
def test_labels_of_which_few_are_redrawn_tell_nothing(level: float, n_classes: int, verdict: str) -> None:
    rows = label_rows([0.0, level], (0,)).assign(train_accuracy=0.995)
    summary = memorisation(rows, n_classes)
    assert summary["verdict"] == verdict
    if verdict == "undecided":
        assert "memorises nothing may reach" in randomize_page(rows, summary).lead


def test_noise_tells_nothing_where_one_class_is_nearly_all() -> None:
    rows = pd.DataFrame([cell("none", 0.0, 0), cell("gaussian", 1.0, 0)]).assign(train_accuracy=0.993)
    assert memorisation(rows, 2, majority=0.5)["verdict"] == "memorises"
    summary = memorisation(rows, 2, majority=0.993)
    assert summary["verdict"] == "undecided"
    assert "The most frequent class has 99.30%" in json_text(verdict_words(summary))


def test_leads_of_runs_that_diverged_failed_or_lost_what_they_had_fitted() -> None:
    rows = pd.DataFrame([cell("none", 0.0, 0), cell("labels", 1.0, 0, status="diverged")])
    assert (
        randomize_page(rows, memorisation(rows, 10)).lead == "It did not memorise: every run on random labels diverged."
    )
    assert "lower learning rate" in json_text(verdict_words(memorisation(rows, 10)))
    rows = pd.DataFrame([cell("none", 0.0, 0, status="failed"), cell("labels", 1.0, 0, status="failed")])
    assert randomize_page(rows, memorisation(rows, 10)).lead == "Undecided: every cell failed."
    rows = rows_by_hand()
    rows.loc[rows["level"] == 1, "train_accuracy"] = 0.985
    assert "when training ended, it did not fit random labels" in randomize_page(rows, memorisation(rows, 8)).lead


def test_a_table_has_columns_and_no_pixels() -> None:
    rows = pd.DataFrame([cell("none", 0.0, 0), *(cell(name, 1.0, 0) for name in ("random-pixels", "gaussian"))])
    told = json_text(verdict_words(memorisation(rows, 10) | {"table": True}))
    assert "examples with their columns in random order" in told
    assert "Gaussian noise for the columns" in told
    assert "image" not in told
    assert "pixel" not in told


def test_what_may_help_stands_with_its_option_where_there_is_one() -> None:
    rows = rows_by_hand()
    rows.loc[rows["level"] == 1, "train_accuracy"] = 0.5
    summary = memorisation(rows, 8)
    told = json_text(verdict_words(summary))
    assert "--set epochs=" in told
    assert "--set learning_rate=" in told
    training = {"warnings": [], "repeat": {}, "stored": True, "not_known": {}}
    assert "--set" not in json_text(verdict_words(summary | {"training": training}))


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
    summary = memorisation(rows, 10)
    assert (summary["judged"], summary["verdict"]) == (judged, verdict)
    page = randomize_page(rows, summary)
    assert words in page.lead
    told = " ".join(verdict_words(summary))
    pixels = [name for name in corruptions if name != "random-labels"]
    assert set(summary["pixels"]) == set(pixels)
    assert told.count("ends with a training accuracy") == 1 + len(corruptions)
    if judged == "gaussian":
        assert summary["slowdown"] == rows["epochs_to_fit"].iloc[-1] / rows["epochs_to_fit"].iloc[0]
        assert summary["capacity_used"]["fitted_examples"] > 0.99 * 50_000
        assert summary["capacity_used"]["label_bits"] is None


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
    drawn = figures(randomize_page(rows, memorisation(rows, 10), published()))
    curves = drawn["learning-curves"].data.query("source == 'paper'")
    assert curves["condition"].unique().tolist() == ["random labels"]  # we have no gaussian
    assert curves["steps"].tolist() == [391.0, 782.0]
    for name in ("time-to-fit", "test-error"):
        theirs = drawn[name].data.query("source == 'paper'")
        assert theirs["model"].unique().tolist() == ["mlp-1x512"]
        assert "Dashed: the paper's own curves" in drawn[name].caption
    unlike = rows.assign(model="mine")
    drawn = figures(randomize_page(unlike, memorisation(unlike, 10), published()))
    assert drawn["test-error"].data["model"].unique().tolist() == ["mine", "inception-small", "mlp-1x512"]


def test_relative_curves_of_the_paper_stay_out_of_a_chart_in_epochs() -> None:
    rows = label_rows([0.5, 1.0])
    figure = figures(randomize_page(rows, memorisation(rows, 10), published()))["time-to-fit"]
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
    summary = memorisation(rows, 10)
    page = randomize_page(rows, summary, published())
    assert set(figures(page)) == names
    html = write_page(page, tmp_path, rows, {"summary": summary}).read_text(encoding="utf-8")
    text = html[: html.index("<script", html.index("<body"))]
    assert "nan" not in text.lower().replace("training loss is nan", "")
    assert {p.stem for p in tmp_path.glob("*.png")} == names
    assert json.loads((tmp_path / "report.json").read_text())["summary"] == summary


def test_without_classes_chance_is_left_out() -> None:
    rows = label_rows(LEVELS)
    page = randomize_page(rows, memorisation(rows))
    assert "chance" not in json_text([figure.caption for figure in page.figures()])
    assert all("chance" not in json_text(figure.chart.to_dict()) for figure in page.figures())
    known = randomize_page(rows, memorisation(rows, 10))
    assert "chance" in json_text(figures(known)["test-error"].chart.to_dict())


def test_cells_without_a_result_stay_visible_with_their_reason() -> None:
    rows = grid_rows()
    page = randomize_page(rows, memorisation(rows, 10))
    (table,) = [p for s in page.sections for p in s.parts if isinstance(p, Table) and "reason" in p.frame]
    assert table.frame["status"].tolist() == ["diverged", "failed"]
    assert table.frame["reason"].tolist() == ["training loss is NaN in epoch 4", "worker <killed> & gone"]


def test_verdict_says_what_was_found() -> None:
    rows = rows_by_hand()
    page = randomize_page(rows, memorisation(rows, 8))
    text = json_text([page.lead, [list(getattr(part, "paragraphs", [])) for part in page.sections[0].parts]])
    assert "It memorises: this recipe fits random labels all the same." in text
    assert "took 3 times as many epochs" in text
    assert "Of 1,000 training labels it reproduces 1,000, with 3 parameters for each example" in text
    assert "at least 3,000 bits, 1 for each parameter" in text
    assert "Guessing would score 12.50%" in text


def test_large_ratios_are_written_out() -> None:
    rows = rows_by_hand().assign(n_train=1000, parameters=1_234_000)
    rows["epochs_to_fit"] = [1, 1, 150, 162]
    page = randomize_page(rows, memorisation(rows, 8), published())
    text = json_text([list(getattr(part, "paragraphs", [])) for part in page.sections[0].parts])
    assert "took 156 times as many epochs" in text
    assert "with 1,234 parameters for each example" in text
    assert figures(page)["time-to-fit"].alternative.endswith("0.0 1, 1.0 156.")
    ours = figures(page)["learning-curves"].data.query("source == 'this run' and condition == 'random labels'")
    assert figures(page)["learning-curves"].alternative.endswith(f"random labels {ours['train_loss'].iloc[-1]:.4g}.")
