"""The randomization test of a recipe: Zhang et al. 2017 on any data and model."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gengap import cells
from gengap.arguments import real_number, shown, whole_number
from gengap.cells import Cell, FitCell, Identified, Options, error_of_all, fitted_rows, repeated
from gengap.data import DATA_SETS, Problem, check_inputs, check_level, data_set_of, find_corruption, load
from gengap.errors import InputError
from gengap.json_text import json_ready
from gengap.report import Page, check_folder, write_page
from gengap.store import Row, Store
from gengap.studies.zhang2017 import curves
from gengap.sweep import SweepResult, scratch_folder
from gengap.tasks.randomize.page import randomize_page
from gengap.tasks.randomize.results import read_results
from gengap.train import OwnTraining, Recipe, choose_recipe
from gengap.verdicts import memorisation

# Columns that are numbers or null, which pandas does not see where all of them are null.
NUMBERS = ("epochs", "epochs_to_fit", "train_loss", "test_loss", "train_accuracy", "test_accuracy", "parameters")
LEVELS = (0.0, 0.5, 1.0)
Place = tuple[int, str, float]  # seed, corruption, level


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

    def _repr_html_(self) -> str:
        """What a notebook shows: the page's text, tables and charts."""
        from gengap.report import fragment

        return fragment(self.page.title, self.page.lead, self.page.sections)

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
    train: Any = None,
    settings: Mapping[str, Any] | None = None,
    corruptions: Sequence[str] = ("labels",),
    levels: Sequence[float] = LEVELS,
    seeds: Iterable[int] = (0,),
    data_dir: str | Path | None = None,
    store: str | Path | None = None,
    options: Options | None = None,
    out: str | Path | None = None,
) -> Randomization:
    """Trains one recipe on true and on corrupted data: does it learn, and can it memorise?

    With ``train`` the training is the user's. ``fit(problem, seed)`` is given a Problem whose inputs are as a network
    sees them (cropped and scaled as ``seen_as`` says), and returns a ``torch.nn.Module``, an object with ``predict``,
    or the predictions of both splits ``(train, test)``, labels or scores; with a history after them, a list with a
    record an epoch or a dictionary of columns, where it has one: ``(model, history)``. What it returns is measured on
    the inputs that it was given. Rows are stored by a hash of the training's code, arguments and closure values, the
    user's modules and the versions of its libraries; ``summary["training"]`` says where they are not, and whether a
    second run with the same seed gave the same.

    Args:
        data: A Problem, or what ``gengap.load`` takes.
        model: A named model or ``module.path:factory``; None takes the recipe's.
        recipe: A Recipe, which then names the model itself, or what ``gengap.train.choose_recipe`` takes.
        train: A training of one's own in place of a recipe: ``fit(problem, seed)``, an estimator class or instance of
            scikit-learn's kind, a ``functools.partial`` of one, or ``"module.path:name"`` of one.
        settings: Arguments by name for ``train``.
        corruptions: Names of corruptions. ``labels`` is applied at every level; the others have no levels: they
            stand beside the uncorrupted data.
        levels: Probabilities in [0, 1] with which a label is redrawn.
        seeds: One cell for each.
        data_dir: Folder of the named data sets.
        store: File of the store; None takes the user's.
        options: How cells are run.
        out: Folder for the report; checked before anything is trained.

    Raises:
        InputError: A name, level, recipe, training or path that cannot be used, raised before training begins; or a
            training that returns nothing usable or changes its data, raised after the first one.
    """
    if train is not None and (model is not None or recipe is not None):
        raise InputError(
            f"A training of one's own beside {'a model' if model is not None else 'a recipe'}.",
            expected="either, since such a training has its own model and recipe",
        )
    problem = data if isinstance(data, Problem) else load(data, data_dir=data_dir)
    numbers = [real_number(level, "a level", least=0, most=1) for level in _listed(levels, "levels")]
    wholes = [whole_number(seed, "a seed", least=0) for seed in _listed(seeds, "seeds")]
    grid = _grid(problem, corruptions, numbers, wholes)
    if train is not None:
        training = OwnTraining(train, dict(settings or {}))
    elif settings:
        raise InputError("Settings without a training of one's own.", expected="train= beside settings=")
    else:
        chosen = recipe if isinstance(recipe, Recipe) else choose_recipe(recipe, problem, model)
    if out is not None:
        check_folder(out)
    more: dict[str, Any] = {"seen_as": problem.seen_as}
    if train is not None:
        rows, result, more["training"] = _own(problem, training, grid, store, options)
    else:
        with Store(store) as opened:
            rows, result = cells.run([Cell(problem, chosen, *place) for place in grid], opened, options)
    return _judged(rows, result, problem, more, out)


def from_results(
    results: str | Path | pd.DataFrame, data: str | Path | Problem | None = None, *, out: str | Path | None = None
) -> Randomization:
    """The randomization test of trainings that ran elsewhere.

    Args:
        results: A table (CSV, TSV, JSON, JSON lines, Parquet) or DataFrame with a row for each training: ``level`` and
            ``train_accuracy``, and as far as known ``seed``, ``test_accuracy``, ``corruption``, ``model``, ``problem``,
            ``epochs``, ``epochs_to_fit``, ``status``. Fractions in [0, 1].
        data: What they were trained on, for the classes' number and shares; None leaves what follows from them null.
        out: Folder for the report.

    Raises:
        InputError: No such table, columns that lack, or numbers that are no fractions.
    """
    problem = None if data is None else data if isinstance(data, Problem) else load(data)
    rows = read_results(results, problem)
    if out is not None:
        check_folder(out)
    more = {"seen_as": "", "results": "a frame" if isinstance(results, pd.DataFrame) else str(results)}
    return _judged(rows, SweepResult(0, len(rows), (), 0.0), problem, more, out)


def _judged(
    rows: list[Row], result: SweepResult, problem: Problem | None, more: dict[str, Any], out: str | Path | None
) -> Randomization:
    frame = pd.DataFrame(rows)
    frame = frame.assign(**{name: pd.to_numeric(frame[name]) for name in NUMBERS if name in frame})
    classes, share, published = None, None, None
    if problem is not None:
        more = more | {"table": problem.train.x.ndim == 2}
        classes, share = problem.n_classes, float((np.bincount(problem.train.y) / len(problem.train)).max())
        published = curves() if data_set_of(problem) == DATA_SETS["cifar10"] else None
    summary = memorisation(frame, classes, share) | more
    if error := summary.get("training", {}).get("error"):
        place = f" ({error['place']})" if error["place"] else ""
        summary["verdict_reason"] = f"every cell failed with {error['reason'].rstrip('.')}{place}"
    test = Randomization(rows, summary, randomize_page(frame, summary, published), result)
    if out is not None:
        test.write(out)
    return test


def _own(
    problem: Problem, training: OwnTraining, grid: Sequence[Place], store: str | Path | None, options: Options | None
) -> tuple[list[Row], SweepResult, dict[str, Any]]:
    """The rows of a training of one's own, and what is known of it."""
    identified = Identified.of(training)
    fits = [FitCell(problem, identified, *place) for place in grid]
    with _store(store, temporary=bool(identified.reason)) as opened:
        rows, result = fitted_rows(fits, opened, options)
        again = repeated(fits, rows, opened, options)
    known = {
        "name": training.name,
        "stored": not identified.reason,
        "not_stored_reason": identified.reason or None,
        "repeat": again,
        "error": error_of_all(rows),
        "not_known": {name: reason for row in rows for name, reason in (row["not_known"] or {}).items()},
        "warnings": list(dict.fromkeys(row["warning"] for row in rows if row["warning"])),
    }
    return rows, result, known


@contextmanager
def _store(path: str | Path | None, *, temporary: bool) -> Iterator[Store]:
    """The user's store, or one that is removed at the end."""
    if not temporary:
        with Store(path) as opened:
            yield opened
        return
    with scratch_folder() as folder, Store(folder / "rows.db") as opened:
        yield opened


def _listed(values: Iterable[Any], name: str) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(f"{name} = {shown(values)}.", expected="a list of numbers")
    return list(values)


def _grid(problem: Problem, corruptions: Sequence[str], levels: Sequence[float], seeds: Sequence[int]) -> list[Place]:
    """Every cell once; the uncorrupted data are always among them, as level 0 of ``labels`` or as ``none``."""
    if not corruptions or not levels or not seeds:
        raise InputError("Nothing to train.", expected="at least one corruption, one level and one seed")
    pairs: list[tuple[str, float]] = []
    for name in corruptions:
        corruption = find_corruption(name)
        check_inputs(corruption, problem)
        own_levels = [float(level) for level in levels] if corruption.graded else [1.0]
        for level in own_levels:
            check_level(corruption, level)
        pairs += [(name, level) for level in own_levels]
    if ("labels", 1.0) in pairs:  # the same draws, which would count as further seeds
        pairs = [pair for pair in pairs if pair != ("random-labels", 1.0)]
    if not any(level == 0 for _, level in pairs):
        pairs.insert(0, ("none", 0.0))
    return [(seed, *pair) for pair in dict.fromkeys(pairs) for seed in dict.fromkeys(seeds)]
