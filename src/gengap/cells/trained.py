"""Trained cells: what is missing is trained, divided over this machine as measured, and stored."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import torch

from gengap.cells.cell import Cell, careful, corrupted, reason_to_stay
from gengap.data import Problem, open_problem, save_problem
from gengap.errors import InputError
from gengap.store import Row, Store
from gengap.sweep import (
    Context,
    Job,
    Layout,
    Options,
    Plan,
    SweepResult,
    available_cores,
    choose_layout,
    job_rows,
    on_node,
    scratch_folder,
)
from gengap.train import (
    Execution,
    Recipe,
    Run,
    Trio,
    check_trainable,
    chosen_execution,
    resolve_device,
    shared_part,
    stepper,
    train_replicas,
    trial_key,
    visible_gpus,
)

# Networks trained in one step on a GPU; halved where its memory does not suffice.
REPLICAS_ON_GPU = 64


@dataclass(frozen=True)
class Payload:
    """A cell as it travels to a worker: its Problem as a folder (see ``gengap.data.save_problem``)."""

    folder: Path
    recipe: Recipe
    seed: int
    corruption: str
    level: float
    execution: Execution


def run(cells: Iterable[Cell], store: Store, options: Options | None = None) -> tuple[list[Row], SweepResult]:
    """Trains every cell that the store has no result for, and gives the rows of all of them, in order.

    Cells of one Problem, model and batch size go together into one sweep: on GPUs as replicas of one step, in a process
    for each GPU that is visible, or for ``options.workers`` of them; on a CPU in processes that divide the cores,
    whichever division is measured to be fastest. That several GPUs share a sweep has been tested without any.

    Returns:
        The stored rows (``docs/design.md`` lists their columns), failures among them with their reason; a cell that
        was never trained has status ``missing``. And what the sweeps came to together.

    Raises:
        InputError: A device that is not there, a recipe that its Problem does not allow, no room for the data.
        Interrupted: Ctrl-C; what is stored stays.
    """
    options, cells = options or Options(), list(cells)
    device = device_of(options)
    rows, result = job_rows(
        [Job(cell.key, cell.title, cell, cell.columns()) for cell in cells],
        train_payloads,
        store,
        options,
        prepare=lambda missing, total: _plan(missing, total, device, options),
        group=_cost,
        absent="it was never trained",
    )
    # A Problem of the same content may have had another name when its rows were stored.
    return [row | {"problem": cell.problem.name} for cell, row in zip(cells, rows, strict=True)], result


def _cost(job: Job) -> tuple[str, str, int]:
    """Equal for cells of one Problem whose steps cost the same."""
    cell: Cell = job.payload
    return cell.problem.hash, cell.recipe.model, cell.recipe.batch_size


@contextmanager
def _plan(missing: Sequence[Job], total: int, device: str, options: Options) -> Iterator[Plan]:
    """The Problem on disk, and units for a GPU or for the cores."""
    cells: list[Cell] = [job.payload for job in missing]
    for cell in cells:
        check(cell)
    stay = reason_to_stay(cells[0].recipe.model)
    with scratch_folder() as folder:
        save(cells[0].problem, folder)
        jobs = [replace(job, payload=_payload(job.payload, folder, device, options)) for job in missing]
        if device == "cuda":
            gpus = [] if options.ray is not None else visible_gpus()[: options.workers]
            units, several = _replicas(cells, jobs, len(gpus)), gpus if len(gpus) > 1 else []
            yield Plan(units, max(1, len(several)), threads=1, in_driver=stay, folder=folder, gpus=several)
        elif options.ray is not None:
            yield Plan([[job] for job in jobs], in_driver=stay, folder=folder)
        else:
            layout = _layout(cells[0], jobs[0].payload, total, options.workers)
            yield Plan([[job] for job in jobs], layout.workers, layout.threads, stay, folder)


def _payload(cell: Cell, folder: Path, device: str, options: Options) -> Payload:
    execution = execution_of(cell, device, options)
    return Payload(folder, cell.recipe, cell.seed, cell.corruption, cell.level, execution)


def device_of(options: Options) -> str:
    """``"cpu"`` or ``"cuda"``; on a Ray cluster ``auto`` means the GPUs of the cell's share, if it has any.

    Raises:
        InputError: A device that is not there, or does not fit to the share.
    """
    if options.ray is None:
        return resolve_device(options.device)
    device = "cuda" if options.ray.gpus else "cpu"
    if options.device not in ("auto", device):
        raise InputError(
            f"Device {options.device!r} with {options.ray.gpus:g} GPUs for each cell.",
            expected="a share of a GPU for cuda, none for cpu",
            next_step="set --gpus-per-cell, or leave --device out",
        )
    return device


def check(cell: Cell) -> None:
    """Raises InputError where a recipe asks for what its Problem does not allow, or its network cannot be used."""
    careful(cell.recipe.model, check_trainable, cell.sample(), cell.recipe, len(cell.problem.train))


def save(problem: Problem, folder: Path) -> None:
    """Writes a Problem to where workers read it.

    Raises:
        InputError: There is no room for it.
    """
    try:
        save_problem(problem, folder)
    except OSError as error:
        raise InputError(
            f"Cannot write the data to {folder}, where workers read them: {error.strerror}.",
            next_step="make room there, or set TMPDIR to a folder that has it",
        ) from error


def execution_of(cell: Cell, device: str, options: Options) -> Execution:
    """The setting of a cell: what its recipe fixes, and what is measured once for the rest.

    It is measured on this machine, or for the GPUs of a Ray cluster on one of those.
    """
    away = options.ray is not None and device == "cuda"
    key = f"Ray {trial_key(cell.problem, cell.recipe, 'cpu')}" if away else trial_key(cell.problem, cell.recipe, device)
    if key not in _SETTINGS:
        problem = cell.problem.take(1, 1)
        if options.ray is not None and away:
            found = on_node(options.ray, _setting, problem, cell.recipe, device)
        else:
            found = careful(cell.recipe.model, _setting, problem, cell.recipe, device)
        _SETTINGS[key] = Execution(**found)
    return _SETTINGS[key]


_SETTINGS: dict[str, Execution] = {}


def _setting(problem: Problem, recipe: Recipe, device: str) -> dict[str, str]:
    return asdict(chosen_execution(problem, recipe, device))


def workers_for(device: str, units: int) -> int:
    """Processes for units of which each computes with one thread: one on a GPU, else one a core."""
    return 1 if device == "cuda" else max(1, min(available_cores(), units))


def _layout(cell: Cell, payload: Payload, total: int, workers: int | None) -> Layout:
    if workers is not None:
        return Layout(workers, max(1, available_cores() // workers))
    prepare = partial(steps_of, payload.folder, payload.recipe, payload.execution)
    key = f"{trial_key(cell.problem, cell.recipe, payload.execution.device)}, {payload.execution}"
    try:
        return choose_layout(prepare, key, units=total)
    except RuntimeError:  # training fails, which the rows of the cells are to say
        return Layout(1, available_cores())


def _replicas(cells: Sequence[Cell], jobs: Sequence[Job], gpus: int) -> list[list[Job]]:
    """Jobs that may share a step, in units of at most ``REPLICAS_ON_GPU``, and at least as many units as GPUs."""
    alike: dict[tuple[object, ...], list[Job]] = {}
    for cell, job in zip(cells, jobs, strict=True):
        alike.setdefault(shared_part(cell.sample(), cell.recipe), []).append(job)
    units = []
    for group in alike.values():
        size = min(REPLICAS_ON_GPU, math.ceil(len(group) / max(1, gpus)))
        units += [group[i : i + size] for i in range(0, len(group), size)]
    return units


def train_payloads(payloads: list[Payload], context: Context) -> list[Row]:
    """Trains the payloads' cells side by side: one row each. Runs in a worker."""
    torch.set_num_threads(context.threads)
    trios: list[Trio] = []
    for p in payloads:
        trios.append((corrupted(_open(p.folder), p.corruption, p.level, p.seed), p.recipe, p.seed))
    runs = _train(trios, payloads[0].execution, context)
    return [{**run.outcome(), "threads": context.threads} for run in runs]


def steps_of(folder: Path, recipe: Recipe, execution: Execution, threads: int) -> Callable[[], object]:
    """A function that does one training step on a Problem, for measuring how fast steps are."""
    torch.set_num_threads(threads)
    return stepper(_open(folder), recipe, execution)


@lru_cache(maxsize=2)
def _open(folder: Path) -> Problem:
    return open_problem(folder)


def _train(trios: Sequence[Trio], execution: Execution, context: Context) -> list[Run]:
    """All together, or in halves where the GPU lacks memory for that."""
    try:
        return train_replicas(trios, execution=execution, checkpoint=context.checkpoint, report=context.report)
    except torch.OutOfMemoryError:
        if len(trios) == 1:
            raise
    half = len(trios) // 2
    first, second = (
        replace(context, checkpoint=context.checkpoint.with_name(f"{context.checkpoint.name}-{n}")) for n in (1, 2)
    )
    return _train(trios[:half], execution, first) + _train(trios[half:], execution, second)
