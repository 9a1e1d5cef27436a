"""The page of a randomization test: the verdict in words, Figure 1 of Zhang et al. 2017, and every cell."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gengap.report import (
    PALETTE,
    PERCENT,
    Fact,
    Facts,
    Figure,
    Page,
    Section,
    Table,
    Text,
    charts,
    loss_points,
    percent,
    plain,
    steps_per_epoch,
)
from gengap.studies.zhang2017 import condition_colours
from gengap.tasks.randomize.words import (
    corrupted,
    error_of_training,
    inputs_sentence,
    lead,
    title,
    training_sentences,
    verdict,
)
from gengap.verdicts import error_by_condition, error_by_level, time_to_fit, with_conditions

_ACCURACIES = ["train_accuracy", "test_accuracy", "best_test_accuracy"]
CELLS = ["condition", "seed", "status", "epochs", "epochs_to_fit", "train_loss", "test_loss", *_ACCURACIES, "seconds"]
CELL_FORMATS = {"epochs": "g", "epochs_to_fit": "g", "train_loss": ".4f", "test_loss": ".4f", "seconds": ".1f"}
CELL_FORMATS |= dict.fromkeys(_ACCURACIES, PERCENT)
HOW = [
    "recipe",
    "recipe_hash",
    "training_hash",
    "problem_hash",
    "precision",
    "memory_format",
    "device",
    "threads",
    "replicas",
]
HOW += ["gengap", "torch", "python", "commit"]


def randomize_page(
    rows: pd.DataFrame, summary: Mapping[str, Any], published: Mapping[str, pd.DataFrame] | None = None
) -> Page:
    """The report of a randomization test.

    Args:
        rows: The cells' rows of one model and one data set, see ``docs/design.md``.
        summary: ``gengap.verdicts.memorisation(rows, n_classes)``.
        published: The paper's digitised curves where the data set is the paper's: ``fig1a`` (columns ``series``,
            ``thousand_steps``, ``epochs_if_batch128``, ``train_loss``), ``fig1b`` (``model``, ``label_corruption``,
            ``relative_time_to_overfit``), ``fig1c`` (``model``, ``label_corruption``, ``test_error``); any may lack.
    """
    named = with_conditions(rows)
    published = published or {}
    figures = [
        _curves(named, published.get("fig1a")),
        _times(named, published.get("fig1b")),
        _errors(named, summary, published.get("fig1c")),
        _gaps(named, summary),
    ]
    sections = [
        Section("Verdict", [*_facts(summary), Text(verdict(summary))]),
        *(section for section in figures if section is not None),
        *_training(summary),
        _cells(named),
        _provenance(named),
    ]
    return Page(title(summary), f"{lead(summary)} {inputs_sentence(summary)}".rstrip(), sections)


def _facts(summary: Mapping[str, Any]) -> list[Facts]:
    if error_of_training(summary):
        return []  # nothing was measured
    chance = summary["chance_accuracy"]
    beside = "" if chance is None else f"chance is {percent(chance)}"
    facts = []
    judged = summary["pixels"].get(summary["judged"], summary["random_labels"])
    for name, group in (("true labels", summary["true_labels"]), (corrupted(summary), judged)):
        if group is None or group["train_accuracy"] is None:
            continue
        facts.append(Fact(f"Training accuracy, {name}", percent(group["train_accuracy"]), _seeds(group)))
        facts.append(Fact(f"Test accuracy, {name}", percent(group["test_accuracy"]), beside))
    slowdown = summary["slowdown"]
    facts.append(
        Fact(
            "Slowdown",
            "–" if slowdown is None else f"{plain(slowdown, 2)}×",
            summary["slowdown_reason"] or "epochs to fit, against true labels",
        )
    )
    if learned := summary["learned"]:
        share = "–" if learned["share"] is None else f"{learned['share']:.2f} of the training gain carries over"
        facts.append(Fact("On true labels", learned["verdict"], share))
    used = summary["capacity_used"]
    if used["fitted_examples"] is not None:
        facts.append(
            Fact(
                "Labels fitted",
                f"{used['fitted_examples']:,}",
                f"of {summary['n_train']:,} training labels, {percent(used['fitted_fraction'])}",
            )
        )
    return [Facts(facts)]


def _seeds(group: Mapping[str, Any]) -> str:
    word = "seed" if group["seeds"] == 1 else "seeds"
    return f"{group['seeds']} {word}" + (f", {group['diverged']} diverged" if group["diverged"] else "")


def _curves(named: pd.DataFrame, paper: pd.DataFrame | None) -> Section | None:
    points = loss_points(named, paper)
    if points.empty:
        return None
    palette = {name: colour for name, colour in condition_colours(named).items() if name in set(points["condition"])}
    several = "One thin line a seed. " if points["seed"].nunique() > 1 else ""
    beside = "Dashed: small Inception in the paper's Figure 1a. " if charts.PAPER in set(points["source"]) else ""
    crossed = "A cross marks where a run diverged. " if points["diverged"].any() else ""
    ends = points[points["source"] == charts.OURS].groupby("condition", sort=False)["train_loss"].last()
    figure = Figure(
        "learning-curves",
        charts.learning_curves(points, palette, steps_per_epoch(named)),
        f"Training loss as training goes on. {several}{beside}{crossed}Choose a name in the legend to single it out.",
        "Training loss against training steps. Last values: " + _listed(ends),
        points,
        {"train_loss": ".4f"},
    )
    return Section("Learning curves", [figure])


def _times(named: pd.DataFrame, paper: pd.DataFrame | None) -> Section | None:
    times, relative = time_to_fit(named)
    points = _with_paper(times, paper if relative else None, "relative_time_to_overfit")
    if len(_ours(points)) < 2:
        return None
    unit = "time to fit, relative to true labels" if relative else "epochs to fit"
    notes = "" if relative else "No cell fitted the true labels, so epochs are shown instead of a ratio. "
    notes += (
        "A triangle is a lower limit: not every seed fitted within the budget. " if points["at_least"].any() else ""
    )
    figure = Figure(
        "time-to-fit",
        charts.by_level(points, _model_colours(points), unit, ",~r"),
        "First epoch with a training accuracy of at least 99.00%, against the level of label corruption. "
        f"{notes}{_beside(points)}",
        f"{unit.capitalize()} against label corruption: " + _listed(_ours(points)),
        points,
    )
    return Section("Time to fit", [figure])


def _errors(named: pd.DataFrame, summary: Mapping[str, Any], paper: pd.DataFrame | None) -> Section | None:
    points = _with_paper(error_by_level(named), paper, "test_error")
    if len(_ours(points)) < 2:
        return None
    chance = summary["chance_accuracy"]
    figure = Figure(
        "test-error",
        charts.by_level(
            points, _model_colours(points), "test error", ".0%", None if chance is None else (1 - chance, "chance")
        ),
        f"Error on the test set, whose labels are true, against the level of corruption in training. {_beside(points)}",
        "Test error against label corruption: " + _listed(_ours(points), PERCENT),
        points,
        {"mean": PERCENT, "low": PERCENT, "high": PERCENT},
    )
    return Section("Test error", [figure])


def _gaps(named: pd.DataFrame, summary: Mapping[str, Any]) -> Section | None:
    points = error_by_condition(named)
    if points.empty:
        return None
    chance = summary["chance_accuracy"]
    dotted = "" if chance is None else "; the dotted line is chance"
    errors = points.set_index("condition")["test_error"]
    means = " Means over seeds." if named["seed"].nunique() > 1 else ""
    figure = Figure(
        "generalization-gap",
        charts.gaps(
            points,
            {name: colour for name, colour in condition_colours(named).items() if name in errors.index},
            None if chance is None else 1 - chance,
        ),
        f"Each bar is a generalization gap: from training error (ring) to test error (dot){dotted}.{means}",
        "Test error by condition: " + _listed(errors, PERCENT),
        points,
        dict.fromkeys(("train_error", "test_error", "low", "high"), PERCENT),
    )
    return Section("The gap, condition by condition", [figure])


def _training(summary: Mapping[str, Any]) -> list[Section]:
    sentences = training_sentences(summary)
    return [Section("The training", [Text(sentences)])] if sentences else []


def _cells(named: pd.DataFrame) -> Section:
    shown = [name for name in CELLS if name in named]
    parts: list[Text | Table] = [Table(named[shown], "Every cell that was asked for", CELL_FORMATS)]
    without = named[named["status"] != "done"]
    if len(without):
        reasons = without[["condition", "seed", "status", "reason"]]
        parts.append(Table(reasons, "Cells that diverged or failed, and why; only diverged ones count as results"))
    return Section("Cells", parts)


def _provenance(named: pd.DataFrame) -> Section:
    values = {name: sorted({str(value) for value in named[name].dropna()} - {""}) for name in HOW if name in named}
    facts = {name.replace("_", " "): ", ".join(texts) for name, texts in values.items() if texts}
    frame = pd.DataFrame({"": list(facts), "value": list(facts.values())})
    return Section("How it was made", [Table(frame, "Recipe, data and versions; all of them where cells differ")])


def _with_paper(ours: pd.DataFrame, paper: pd.DataFrame | None, value: str) -> pd.DataFrame:
    """Our points and the paper's of the same model, or of all its models where ours is none of them."""
    ours = ours.assign(source=charts.OURS)
    if paper is None or ours.empty:
        return ours
    theirs = pd.DataFrame({"model": paper["model"], "level": paper["label_corruption"], "mean": paper[value]}).assign(
        source=charts.PAPER, low=np.nan, high=np.nan, n=1, at_least=False
    )
    same = theirs["model"].isin(ours["model"])
    return pd.concat([ours, theirs[same] if same.any() else theirs], ignore_index=True)


def _model_colours(points: pd.DataFrame) -> dict[str, str]:
    return dict(zip(points["model"].unique(), PALETTE, strict=False))


def _beside(points: pd.DataFrame) -> str:
    bars = (
        "Points are means over seeds, bars reach from the smallest to the largest. " if (points["n"] > 1).any() else ""
    )
    return bars + ("Dashed: the paper's own curves. " if charts.PAPER in set(points["source"]) else "")


def _ours(points: pd.DataFrame) -> "pd.Series[float]":
    return points[points["source"] == charts.OURS].set_index("level")["mean"]


def _listed(values: "pd.Series[float]", form: str = "") -> str:
    return ", ".join(f"{name} {format(value, form) if form else plain(value)}" for name, value in values.items()) + "."
