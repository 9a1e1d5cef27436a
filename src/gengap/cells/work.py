"""What a worker does with cells: opens their Problem, corrupts it, trains, and describes the outcome as rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from gengap.cells.cell import corrupted
from gengap.data import Problem, open_problem
from gengap.store import Row
from gengap.sweep import Context
from gengap.train import Execution, Recipe, Run, Trio, stepper, train_replicas


@dataclass(frozen=True)
class Payload:
    """A cell as it travels to a worker: its Problem as a folder (see ``gengap.data.save_problem``)."""

    folder: Path
    recipe: Recipe
    seed: int
    corruption: str
    level: float
    execution: Execution


def train_payloads(payloads: list[Payload], context: Context) -> list[Row]:
    """Trains the payloads' cells side by side: one row each."""
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
    return _train(trios[:half], execution, context) + _train(trios[half:], execution, context)
