"""Classical capacity on trial: what VC dimension, Rademacher complexity and stability promise for a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gengap.cells import Cell, Options, Trial, capacity_rows
from gengap.data import Problem, check_level, find_corruption, load
from gengap.json_text import json_ready
from gengap.report import write_page
from gengap.store import Row, Store
from gengap.tasks.capacity.page import capacity_page
from gengap.tasks.capacity.words import capacity_verdict
from gengap.train import Recipe, choose_recipe
from gengap.verdicts import promise_lines

__all__ = ["Capacity", "Trial", "capacity"]


@dataclass(frozen=True)
class Capacity:
    """What the classical measures promise for the networks of one recipe, trained on true and on random labels.

    Attributes:
        rows: One for each network; see ``gengap.cells.capacity_rows``.
        promises: One for each network and measure: columns ``network``, ``labels``, ``test_error`` and those of
            ``gengap.verdicts.Promise``.
        delta: Probability with which each bound may fail by itself.
    """

    rows: list[Row]
    promises: pd.DataFrame
    delta: float

    @property
    def sentence(self) -> str:
        """How many of the measures promise anything."""
        return capacity_verdict(self.promises)

    def to_json(self) -> dict[str, Any]:
        """The promises and the rows without their history, free of NaN."""
        rows = [{name: value for name, value in row.items() if name != "history"} for row in self.rows]
        document: dict[str, Any] = json_ready(
            {"verdict": self.sentence, "delta": self.delta, "promises": self.promises, "rows": rows}
        )
        return document

    def write(self, out: str | Path) -> Path:
        """Writes the report into a folder and returns the path of its ``report.html``."""
        page = capacity_page(self.promises, 1 - self.delta)
        return write_page(page, out, self.promises, {"rows_of_networks": self.to_json()["rows"]})


def capacity(
    data: str | Path | Problem = "digits",
    *,
    model: str | None = None,
    recipe: Recipe | str | None = None,
    levels: Sequence[float] = (0.0, 1.0),
    seed: int = 0,
    trial: Trial | None = None,
    data_dir: str | Path | None = None,
    store: str | Path | None = None,
    options: Options | None = None,
    out: str | Path | None = None,
) -> Capacity:
    """Trains a recipe on true and on random labels and puts the classical measures of its capacity on trial.

    The VC dimension is computed from the network's layers; Rademacher complexity and uniform stability are sought
    from below by further trainings, on the first examples of the same data, with the same recipe.

    Args:
        data: A Problem, or what ``gengap.load`` takes.
        model: A named model or ``module.path:factory``; None takes the recipe's.
        recipe: A Recipe, which then names the model itself, or what ``gengap.train.choose_recipe`` takes.
        levels: Probabilities in [0, 1] with which a label is redrawn; one network for each.
        seed: Of everything drawn.
        trial: How much is spent on the further trainings, and delta; None takes ``Trial()``.
        data_dir: Folder of the named data sets.
        store: File of the store; None takes the user's.
        options: How trainings are run.
        out: Folder for the report.

    Raises:
        InputError: A name, level, recipe or path that cannot be used, or too few examples.
    """
    problem = data if isinstance(data, Problem) else load(data, data_dir=data_dir)
    chosen = recipe if isinstance(recipe, Recipe) else choose_recipe(recipe, problem, model)
    for level in levels:
        check_level(find_corruption("labels"), level)
    trial = trial or Trial()
    with Store(store) as opened:
        cells = [Cell(problem, chosen, seed, "labels", float(level)) for level in levels]
        rows = capacity_rows(cells, opened, trial, options)
    found = Capacity(rows, pd.DataFrame(promise_lines(rows, delta=trial.delta)), trial.delta)
    if out is not None:
        found.write(out)
    return found
