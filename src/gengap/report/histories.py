"""From rows with histories to the points of a chart of learning curves."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gengap.report.charts import OURS, PAPER


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
    """Training steps in one epoch, where all runs tell and agree, else None."""
    last = [record for history in named["history"] for record in _records(history)[-1:]]
    ratios = {record["steps"] / record["epoch"] if record["steps"] else None for record in last}
    return ratios.pop() if len(ratios) == 1 else None


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
