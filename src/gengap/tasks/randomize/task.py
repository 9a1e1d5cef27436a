"""The randomization test of a recipe: Zhang et al. 2017 on any data and model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gengap import cells
from gengap.arguments import real_number, shown, whole_number
from gengap.cells import Cell, Options
from gengap.data import DATA_SETS, Problem, check_level, data_set_of, find_corruption, load
from gengap.errors import InputError
from gengap.json_text import json_ready
from gengap.report import Page, make_folder, write_page
from gengap.store import Row, Store
from gengap.studies.zhang2017 import curves
from gengap.sweep import SweepResult
from gengap.tasks.randomize.page import randomize_page
from gengap.train import Recipe, choose_recipe
from gengap.verdicts import memorisation

LEVELS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Randomization:
    """The outcome of a randomization test.

    Attributes:
        rows: One row for each cell; ``docs/design.md`` lists the columns.
        summary: The verdict and its numbers, free of NaN.
        page: The report.
        result: How many cells ran, were found in the store, or failed.
    """

    rows: list[Row]
    summary: dict[str, Any]
    page: Page
    result: SweepResult

    def to_json(self) -> dict[str, Any]:
        """What ``gengap randomize --json`` prints: rows without their history, and the summary."""
        rows = [{name: value for name, value in row.items() if name != "history"} for row in self.rows]
        document: dict[str, Any] = json_ready({"rows": rows, "summary": self.summary})
        return document

    def write(self, out: str | Path) -> Path:
        """Writes the report into a folder and returns the path of its ``report.html``."""
        return write_page(self.page, out, pd.DataFrame(self.rows), {"summary": self.summary})


def randomize(
    data: str | Path | Problem = "digits",
    *,
    model: str | None = None,
    recipe: Recipe | str | None = None,
    corruptions: Sequence[str] = ("labels",),
    levels: Sequence[float] = LEVELS,
    seeds: Iterable[int] = (0,),
    data_dir: str | Path | None = None,
    store: str | Path | None = None,
    options: Options | None = None,
    out: str | Path | None = None,
) -> Randomization:
    """Trains one recipe on true and on corrupted data: does it learn, and can it memorise?

    Args:
        data: A Problem, or what ``gengap.load`` takes.
        model: A named model or ``module.path:factory``; None takes the recipe's.
        recipe: A Recipe, which then names the model itself, or what ``gengap.train.choose_recipe`` takes.
        corruptions: Names of corruptions. ``labels`` is applied at every level; the others have no levels: they
            stand beside the uncorrupted data.
        levels: Probabilities in [0, 1] with which a label is redrawn.
        seeds: One cell for each.
        data_dir: Folder of the named data sets.
        store: File of the store; None takes the user's.
        options: How cells are run.
        out: Folder for the report; checked before anything is trained.

    Raises:
        InputError: A name, level, recipe or path that cannot be used; raised before training begins.
    """
    problem = data if isinstance(data, Problem) else load(data, data_dir=data_dir)
    chosen = recipe if isinstance(recipe, Recipe) else choose_recipe(recipe, problem, model)
    numbers = [real_number(level, "a level", least=0, most=1) for level in _listed(levels, "levels")]
    wholes = [whole_number(seed, "a seed", least=0) for seed in _listed(seeds, "seeds")]
    grid = _grid(problem, chosen, corruptions, numbers, wholes)
    if out is not None:
        make_folder(out)
    with Store(store) as opened:
        rows, result = cells.run(grid, opened, options)
    frame = pd.DataFrame(rows)
    shares = np.bincount(problem.train.y) / len(problem.train)
    summary = memorisation(frame, problem.n_classes, float(shares.max())) | {"seen_as": problem.seen_as}
    published = curves() if data_set_of(problem) == DATA_SETS["cifar10"] else None
    test = Randomization(rows, summary, randomize_page(frame, summary, published), result)
    if out is not None:
        test.write(out)
    return test


def _listed(values: Iterable[Any], name: str) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(f"{name} = {shown(values)}.", expected="a list of numbers")
    return list(values)


def _grid(
    problem: Problem, recipe: Recipe, corruptions: Sequence[str], levels: Sequence[float], seeds: Sequence[int]
) -> list[Cell]:
    """Every cell once; the uncorrupted data are always among them, as level 0 of ``labels`` or as ``none``."""
    if not corruptions or not levels or not seeds:
        raise InputError("Nothing to train.", expected="at least one corruption, one level and one seed")
    pairs: list[tuple[str, float]] = []
    for name in corruptions:
        corruption = find_corruption(name)
        own_levels = [float(level) for level in levels] if corruption.graded else [1.0]
        for level in own_levels:
            check_level(corruption, level)
        pairs += [(name, level) for level in own_levels]
    if ("labels", 1.0) in pairs:  # the same draws, which would count as further seeds
        pairs = [pair for pair in pairs if pair != ("random-labels", 1.0)]
    if not any(level == 0 for _, level in pairs):
        pairs.insert(0, ("none", 0.0))
    return [Cell(problem, recipe, seed, *pair) for pair in dict.fromkeys(pairs) for seed in dict.fromkeys(seeds)]
