"""Capacity on trial: the rows of cells with their VC dimension and what further trainings reach.

Those trainings, on random signs and on twin training sets, are stored like cells, under keys of their own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from gengap import models
from gengap.cells.cell import FORMAT, Cell, careful, corrupted, reason_to_stay
from gengap.cells.trained import device_of, run, save, workers_for
from gengap.data import open_problem
from gengap.errors import InputError
from gengap.keys import job_key
from gengap.store import RESULTS, Row, Store
from gengap.sweep import Context, Job, Options, Plan, job_rows, scratch_folder
from gengap.train import Execution, Recipe

# Columns that a trial measures.
TRIED = (
    "trial_train_error",
    "trial_test_error",
    "rademacher",
    "rademacher_lower",
    "rademacher_draws",
    "twins",
    "twin_zero_one",
    "twin_probability",
    "twin_changed",
    "twin_distance",
)


@dataclass(frozen=True)
class Trial:
    """How much is spent on trying what a recipe can fit; what is found speaks of ``examples`` examples.

    Attributes:
        examples: The first so many training examples; None takes all that leave one for each twin.
        draws: Sign vectors, one training each.
        twins: Runs that are set against a first one, from whose training set they differ in one example.
        delta: Probability with which the lower confidence limit may fail.
    """

    examples: int | None = 1000
    draws: int = 2
    twins: int = 2
    delta: float = 0.05

    def __post_init__(self) -> None:
        if min(1 if self.examples is None else self.examples, self.draws, self.twins) < 1 or not 0 < self.delta < 1:
            raise InputError(f"{self} cannot be tried.", expected="numbers of at least 1, and delta in (0, 1)")

    def size(self, available: int) -> int:
        """Examples a training sees."""
        most = available - self.twins
        if most < 1:
            raise InputError(f"{available} examples for {self.twins} twins.", expected="more examples than twins")
        return most if self.examples is None else min(self.examples, most)


@dataclass(frozen=True)
class Payload:
    """A trial as it travels to a worker."""

    folder: Path
    recipe: Recipe
    seed: int
    trial: Trial
    execution: Execution


def capacity_rows(cells: Sequence[Cell], store: Store, trial: Trial, options: Options | None = None) -> list[Row]:
    """The rows of cells, trained where the store lacks them, with what capacity was found.

    The new columns: ``vc_dimension`` (``vc_dimension_reason`` where there is none), ``trial_n``, ``trial_reason``,
    ``trial_train_error``, ``trial_test_error``, ``rademacher``, ``rademacher_lower``, ``rademacher_draws``,
    ``twins``, ``twin_zero_one``, ``twin_probability``, ``twin_changed``, ``twin_distance``; see
    ``gengap.probes.network_rademacher`` and ``twin_stability``. A trial is computed as the cell was, and stored.

    Args:
        cells: What to try.
        store: Where rows and trials are kept.
        trial: Its size.
        options: How cells and trials are run.

    Raises:
        InputError: A device that is not there, or too few examples.
    """
    options = options or Options()
    rows, _ = run(cells, store, options)
    trained = {row["key"]: row for row in rows if row["status"] in RESULTS}
    trials = _trials([cell for cell in cells if cell.key in trained], trained, store, trial, options)
    return [
        {**row, **_vc(cell), **_tried(cell, trials.get(cell.key), trial)} for cell, row in zip(cells, rows, strict=True)
    ]


def _trials(
    cells: Sequence[Cell], rows: dict[str, Row], store: Store, trial: Trial, options: Options
) -> dict[str, Row]:
    """A cell's key -> the row of its trial, run unless it is stored."""
    device = device_of(options)
    result, _ = job_rows(
        [_job(cell, trial) for cell in cells],
        try_payloads,
        store,
        options,
        prepare=lambda missing, _: _plan(missing, rows, trial, device, options),
        absent="nothing was tried",
    )
    return {cell.key: row for cell, row in zip(cells, result, strict=True)}


@contextmanager
def _plan(missing: Sequence[Job], rows: dict[str, Row], trial: Trial, device: str, options: Options) -> Iterator[Plan]:
    with scratch_folder() as folder:
        units = [[replace(job, payload=_payload(job.payload, rows, folder, trial, device))] for job in missing]
        stay = reason_to_stay(missing[0].payload.recipe.model)
        yield Plan(units, options.workers or workers_for(device, len(units)), in_driver=stay, folder=folder)


def _job(cell: Cell, trial: Trial) -> Job:
    columns = cell.columns() | {"kind": "capacity trial", "n_train": trial.size(len(cell.problem.train))}
    return Job(_key(cell, trial), f"capacity trial · {cell.title}", cell, columns)


def _payload(cell: Cell, rows: dict[str, Row], folder: Path, trial: Trial, device: str) -> Payload:
    """The examples of one trial on disk, and the setting that the cell was trained in."""
    own = folder / cell.key
    own.mkdir()
    n = trial.size(len(cell.problem.train))
    save(corrupted(cell.problem, cell.corruption, cell.level, cell.seed).take(n + trial.twins), own)
    row = rows[cell.key]
    execution = Execution(device, row["precision"], row["memory_format"])
    return Payload(own, cell.recipe, cell.seed, trial, execution)


def try_payloads(payloads: list[Payload], context: Context) -> list[Row]:
    """One row a payload."""
    torch.set_num_threads(context.threads)
    return [_outcome(payload) for payload in payloads]


def _outcome(payload: Payload) -> Row:
    from gengap import probes  # here, since workers that train cells start faster without

    problem, recipe, trial = open_problem(payload.folder), payload.recipe, payload.trial
    seed, execution, first = payload.seed, payload.execution, problem.take(len(problem.train) - trial.twins)
    signs = probes.network_rademacher(
        first, recipe, draws=trial.draws, delta=trial.delta, seed=seed, execution=execution
    )
    twin = probes.twin_stability(problem, recipe, twins=trial.twins, seed=seed, execution=execution)
    return {
        "status": "done",
        "reason": "",
        "trial_train_error": twin.train_error,
        "trial_test_error": twin.test_error,
        "rademacher": signs.value,
        "rademacher_lower": signs.lower,
        "rademacher_draws": trial.draws,
        "twins": twin.twins,
        "twin_zero_one": twin.zero_one,
        "twin_probability": twin.probability,
        "twin_changed": twin.changed,
        "twin_distance": twin.distance,
    }


def _key(cell: Cell, trial: Trial) -> str:
    n = trial.size(len(cell.problem.train))
    return job_key("capacity trial", FORMAT, cell.key, n, trial.draws, trial.twins, trial.delta)


def _vc(cell: Cell) -> Row:
    if cell.problem.vocabulary is not None:
        return {"vc_dimension": None, "vc_dimension_reason": "inputs are tokens, not vectors"}
    return careful(cell.recipe.model, vc_columns, cell.recipe, cell.problem.input_shape, cell.problem.n_classes)


def vc_columns(recipe: Recipe, shape: tuple[int, ...], n_classes: int) -> Row:
    """The VC dimension of a recipe's network, or why there is none."""
    from gengap import bounds  # here, as above

    with torch.random.fork_rng(devices=[]):
        model = models.build(recipe.model, shape, n_classes, dropout=recipe.dropout)
    try:
        return {"vc_dimension": bounds.vc_dimension(model.eval(), shape).value, "vc_dimension_reason": None}
    except InputError as error:
        return {"vc_dimension": None, "vc_dimension_reason": error.what}


def _tried(cell: Cell, row: Row | None, trial: Trial) -> dict[str, Any]:
    """A trial's columns, None with a reason where it gave no result."""
    reason = None
    if row is None or row["status"] == "missing":
        reason = "nothing was tried"
    elif row["status"] not in RESULTS:
        reason = f"{row['status']}: {row['reason']}"
    values = {name: None if reason or row is None else row[name] for name in TRIED}
    return {"trial_n": trial.size(len(cell.problem.train)), "trial_reason": reason, **values}
