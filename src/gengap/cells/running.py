"""From cells to stored rows: what is missing is trained, divided over this machine as measured."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gengap.cells.cell import Cell
from gengap.cells.work import Payload, steps_of, train_payloads
from gengap.data import Problem, save_problem
from gengap.errors import InputError
from gengap.store import Row, Store
from gengap.sweep import Job, Layout, SweepResult, available_cores, choose_layout, kept
from gengap.sweep import run as sweep
from gengap.train import Execution, check_trainable, fastest_setting, resolve_device, shared_part, trial_key

# Networks trained in one step on a GPU; halved where its memory does not suffice.
REPLICAS_ON_GPU = 64


@dataclass(frozen=True)
class Options:
    """How cells are run; nothing here changes what they are.

    Attributes:
        device: ``auto``, ``cpu`` or ``cuda``.
        workers: Processes at once; None measures which division of the cores is fastest.
        timeout_s: Longest time for one unit of work, in seconds.
        progress: Whether to show progress on stderr.
        stored: Whether to take only what the store has, and to train nothing.
    """

    device: str = "auto"
    workers: int | None = None
    timeout_s: float | None = None
    progress: bool = True
    stored: bool = False


def run(cells: Iterable[Cell], store: Store, options: Options | None = None) -> tuple[list[Row], SweepResult]:
    """Trains every cell that the store has no result for, and gives the rows of all of them, in order.

    Cells of one Problem and model go together into one sweep: on a GPU as replicas of one step, on a CPU in
    processes that divide the cores, whichever division is measured to be fastest.

    Returns:
        The stored rows (``docs/design.md`` lists their columns), failures among them with their reason; and what
        the sweeps came to together.

    Raises:
        InputError: A device that is not there, a recipe that its Problem does not allow, no room for the data.
        Interrupted: Ctrl-C; what is stored stays.
    """
    options = options or Options()
    cells = list(cells)
    device = resolve_device(options.device)
    groups = [] if options.stored else _groups(cells)
    results = [_sweep(group, store, device, options) for group in groups]
    stored = [(cell, store.get(cell.key)) for cell in cells]
    # A Problem of the same content may have had another name when its rows were stored.
    rows = [row | {"problem": cell.problem.name} for cell, row in stored if row is not None]
    return rows, _sum(results)


def _groups(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells of one Problem whose steps cost the same."""
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.problem.hash, cell.recipe.model, cell.recipe.batch_size), []).append(cell)
    return list(groups.values())


def _sweep(cells: Sequence[Cell], store: Store, device: str, options: Options) -> SweepResult:
    finished = store.finished(cell.key for cell in cells)
    if all(cell.key in finished for cell in cells):
        return SweepResult(0, len(cells), (), 0.0)
    for cell in cells:
        if cell.key not in finished:
            check_trainable(cell.sample(), cell.recipe, len(cell.problem.train))
    with tempfile.TemporaryDirectory(prefix="gengap-") as name:
        folder = Path(name)
        save(cells[0].problem, folder)
        jobs = [_job(cell, folder, execution_of(cell, device)) for cell in cells]
        if device == "cuda":
            units, layout = _replicas(cells, jobs), Layout(1, 1)
        else:
            units, layout = [[job] for job in jobs], _layout(cells[0], jobs, options.workers)
        return sweep(
            units,
            train_payloads,
            store,
            workers=layout.workers,
            threads=layout.threads,
            timeout_s=options.timeout_s,
            progress=options.progress,
        )


def save(problem: Problem, folder: Path) -> None:
    """Writes a Problem to where workers read it."""
    try:
        save_problem(problem, folder)
    except OSError as error:
        raise InputError(
            f"Cannot write the data to {folder}, where workers read them: {error.strerror}.",
            next_step="make room there, or set TMPDIR to a folder that has it",
        ) from error


def _job(cell: Cell, folder: Path, execution: Execution) -> Job:
    payload = Payload(folder, cell.recipe, cell.seed, cell.corruption, cell.level, execution)
    return Job(cell.key, cell.title, payload, cell.columns())


def execution_of(cell: Cell, device: str) -> Execution:
    """The setting of a cell: what its recipe fixes, and what is measured once on this machine for the rest."""
    key = trial_key(cell.problem, cell.recipe, device)
    return kept(
        "executions.json",
        key,
        lambda: fastest_setting(cell.problem, cell.recipe, device),
        lambda found: Execution(**found["chosen"]),
    )


def _layout(cell: Cell, jobs: Sequence[Job], workers: int | None) -> Layout:
    if workers is not None:
        return Layout(workers, max(1, available_cores() // workers))
    first: Payload = jobs[0].payload
    prepare = partial(steps_of, first.folder, first.recipe, first.execution)
    key = f"{trial_key(cell.problem, cell.recipe, first.execution.device)}, {first.execution}"
    return choose_layout(prepare, key, units=len(jobs))


def _replicas(cells: Sequence[Cell], jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs that may share a step, in units of at most ``REPLICAS_ON_GPU``."""
    alike: dict[tuple[object, ...], list[Job]] = {}
    for cell, job in zip(cells, jobs, strict=True):
        alike.setdefault(shared_part(cell.sample(), cell.recipe), []).append(job)
    size = REPLICAS_ON_GPU
    return [group[i : i + size] for group in alike.values() for i in range(0, len(group), size)]


def _sum(results: Sequence[SweepResult]) -> SweepResult:
    return SweepResult(
        done=sum(r.done for r in results),
        reused=sum(r.reused for r in results),
        failed=tuple(failure for r in results for failure in r.failed),
        seconds=sum(r.seconds for r in results),
    )
