"""From the rows of a randomization test, and the paper's curves, to the tidy data that charts draw."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gengap.report.charts import OURS, PAPER

_LEVEL_COLUMNS = ["model", "source", "level", "mean", "low", "high", "n", "at_least"]


def loss_points(named: pd.DataFrame, paper: pd.DataFrame | None) -> pd.DataFrame:
    """One point an epoch: the rows' histories, then the paper's curves for the conditions that we have too."""
    runs = [_history(row) for row in named.to_dict("records")]
    columns = ["condition", "source", "seed", "epoch", "steps", "train_loss", "diverged"]
    points = pd.concat([pd.DataFrame(columns=columns), *(run for run in runs if len(run))], ignore_index=True)
    if paper is not None and len(points):
        theirs = paper.rename(columns={"series": "condition", "epochs_if_batch128": "epoch"})
        theirs = theirs.assign(source=PAPER, steps=theirs["thousand_steps"] * 1000, seed=None, diverged=False)
        points = pd.concat([points, theirs[theirs["condition"].isin(points["condition"])]], ignore_index=True)
    return points[columns].astype({"steps": float, "train_loss": float, "diverged": bool})


def steps_per_epoch(named: pd.DataFrame) -> float | None:
    """Training steps in one epoch, where all runs agree, else None."""
    found = {record["steps"] / record["epoch"] for history in named["history"] for record in _records(history)[-1:]}
    return found.pop() if len(found) == 1 else None


def time_points(named: pd.DataFrame, paper: pd.DataFrame | None) -> tuple[pd.DataFrame, bool]:
    """Time to fit at each level of label corruption, and whether it is relative to level 0 (else: in epochs).

    Finished cells only. Relative to the mean over seeds at level 0, where every seed fitted. Where some seeds of a
    level did not fit, their epochs trained stand in, and the point is marked ``at_least``.
    """
    results = named[(named["status"] == "done") & named["label_level"].notna()]
    fit = pd.to_numeric(results["epochs_to_fit"])
    base = fit[results["label_level"] == 0].mean(skipna=False)
    relative = bool(base > 0)
    times = fit.fillna(results["epochs"]) / (base if relative else 1)
    ours = _over_seeds(results.assign(value=times.astype(float), at_least=fit.isna()))
    return _with_paper(ours, paper if relative else None, "relative_time_to_overfit"), relative


def error_points(named: pd.DataFrame, paper: pd.DataFrame | None) -> pd.DataFrame:
    """Test error at the end of training, at each level of label corruption; finished cells only."""
    done = named[(named["status"] == "done") & named["label_level"].notna()]
    return _with_paper(_over_seeds(done.assign(value=1 - done["test_accuracy"], at_least=False)), paper, "test_error")


def gap_points(named: pd.DataFrame) -> pd.DataFrame:
    """Mean training and test error of each condition, over its finished cells."""
    done = named[named["status"] == "done"]
    errors = done.assign(train_error=1 - done["train_accuracy"], test_error=1 - done["test_accuracy"])
    grouped = errors.groupby("condition", sort=False)
    points: pd.DataFrame = grouped.agg(
        train_error=("train_error", "mean"),
        test_error=("test_error", "mean"),
        low=("test_error", "min"),
        high=("test_error", "max"),
        n=("seed", "size"),
    ).reset_index()
    return points


def _history(row: Mapping[Any, Any]) -> pd.DataFrame:
    """The points of one run with a finite loss; the last one marked where the run diverged."""
    records = pd.DataFrame(_records(row["history"]))
    if records.empty:
        return records
    records = records[np.isfinite(pd.to_numeric(records["train_loss"]))][["epoch", "steps", "train_loss"]]
    last = np.arange(len(records)) == len(records) - 1
    points: pd.DataFrame = records.assign(
        condition=row["condition"], source=OURS, seed=row["seed"], diverged=last & (row["status"] == "diverged")
    )
    return points


def _records(history: object) -> list[dict[str, float]]:
    """A row's history; failed cells have none."""
    return list(history) if isinstance(history, list | tuple | np.ndarray) else []


def _over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    grouped = rows.groupby(["model", "label_level"], sort=True)
    points = grouped.agg(
        mean=("value", "mean"),
        low=("value", "min"),
        high=("value", "max"),
        n=("value", "size"),
        at_least=("at_least", "any"),
    ).reset_index()
    return points.rename(columns={"label_level": "level"}).assign(source=OURS)[_LEVEL_COLUMNS]


def _with_paper(ours: pd.DataFrame, paper: pd.DataFrame | None, value: str) -> pd.DataFrame:
    """The paper's curve of the same model, or all of its models where ours is none of them."""
    if paper is None or ours.empty:
        return ours
    theirs = pd.DataFrame({"model": paper["model"], "level": paper["label_corruption"], "mean": paper[value]}).assign(
        source=PAPER, low=np.nan, high=np.nan, n=1, at_least=False
    )
    same = theirs["model"].isin(ours["model"])
    return pd.concat([ours, (theirs[same] if same.any() else theirs)[_LEVEL_COLUMNS]], ignore_index=True)
