"""Networks that were pretrained on corrupted labels, or begun from weights of a given deviation: rows and losses.

They are stored like cells, under keys of their own, with what normalisation makes of their losses.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from gengap.cells.cell import FORMAT, Cell, reason_to_stay
from gengap.cells.trained import check, device_of, execution_of, save, workers_for
from gengap.data import Problem, open_problem
from gengap.keys import job_key
from gengap.measures.normalisation import normalised_losses
from gengap.store import Row, Store
from gengap.sweep import Context, Job, Options, Plan, job_rows, scratch_folder
from gengap.train import Execution, Pretraining, Recipe, Run, train_pretrained


@dataclass(frozen=True)
class Pretrained:
    """A network with what came before its training.

    Attributes:
        cell: Its training proper, on the cell's Problem as it is: the cell's own corruption is ``none``.
        pretraining: What comes before.
    """

    cell: Cell
    pretraining: Pretraining

    @property
    def key(self) -> str:
        """Its identity: 32 hexadecimal digits."""
        first = self.pretraining
        before = [first.recipe and first.recipe.hash, float(first.level), first.initial_std]
        return job_key("pretrained", FORMAT, self.cell.key, before)

    @property
    def title(self) -> str:
        """For people."""
        first = self.pretraining
        before = f"pretrained on labels {first.level:g}" if first.recipe else "not pretrained"
        deviation = "" if first.initial_std is None else f", initial deviation {first.initial_std:g}"
        return f"{self.cell.title} · {before}{deviation}"

    def columns(self) -> Row:
        """What is known of the row before."""
        first = self.pretraining
        return self.cell.columns() | {
            "kind": "pretrained",
            "pretraining_level": first.level if first.recipe else None,
            "initial_std": first.initial_std,
            "pretraining_epochs": None,
            "pretraining_loss": None,
            "pretraining_accuracy": None,
            "nearest_epoch": None,
            "snapshots": [],
        }


@dataclass(frozen=True)
class Payload:
    """A network as it travels to a worker."""

    folder: Path
    recipe: Recipe
    pretraining: Pretraining
    seed: int
    execution: Execution


def pretrained_rows(networks: Sequence[Pretrained], store: Store, options: Options | None = None) -> list[Row]:
    """One row for each network, in order, trained unless it is stored.

    Beside a cell's columns: ``pretraining_level``, ``initial_std``, ``pretraining_epochs``, ``pretraining_loss``,
    ``pretraining_accuracy``, ``nearest_epoch``, and ``snapshots``: a list with one record for the epoch whose training
    loss is nearest to the recipe's ``snapshot_loss`` and one for the last; see
    ``gengap.measures.normalisation.normalised_losses``. A network that was not trained has status ``missing``.

    Args:
        networks: What to train.
        store: Where rows are stored.
        options: How they are run.

    Raises:
        InputError: A device that is not there, a recipe that its Problem does not allow.
    """
    options = options or Options()
    device = device_of(options)
    rows, _ = job_rows(
        [Job(network.key, network.title, network, network.columns()) for network in networks],
        train_payloads,
        store,
        options,
        prepare=lambda missing, _: _plan(missing, device, options),
        group=lambda job: job.payload.cell.problem.hash,
        absent="it was never trained",
    )
    return rows


@contextmanager
def _plan(missing: Sequence[Job], device: str, options: Options) -> Iterator[Plan]:
    cells: list[Cell] = [job.payload.cell for job in missing]
    for cell in cells:
        check(cell)
    with scratch_folder() as folder:
        save(cells[0].problem, folder)
        units = [[replace(job, payload=_payload(job.payload, folder, device, options))] for job in missing]
        stay = reason_to_stay(cells[0].recipe.model)
        yield Plan(units, options.workers or workers_for(device, len(units)), in_driver=stay, folder=folder)


def _payload(network: Pretrained, folder: Path, device: str, options: Options) -> Payload:
    cell = network.cell
    return Payload(folder, cell.recipe, network.pretraining, cell.seed, execution_of(cell, device, options))


def train_payloads(payloads: list[Payload], context: Context) -> list[Row]:
    """One row a payload."""
    torch.set_num_threads(context.threads)
    return [_outcome(payload, context) for payload in payloads]


def _outcome(payload: Payload, context: Context) -> Row:
    problem = open_problem(payload.folder)
    first, run = train_pretrained(
        problem,
        payload.recipe,
        payload.pretraining,
        payload.seed,
        execution=payload.execution,
        checkpoint=context.checkpoint,
        report=context.report,
    )
    row = run.outcome() | {"threads": context.threads, "nearest_epoch": run.nearest_epoch}
    if first is not None:
        last = first.history[-1]
        row |= {
            "pretraining_epochs": len(first.history),
            "pretraining_loss": last["running_loss"],
            "pretraining_accuracy": last["running_accuracy"],
            "seconds": run.seconds + first.seconds,
        }
    return row | {"snapshots": [] if run.status == "diverged" else _snapshots(run, problem)}


def _snapshots(run: Run, problem: Problem) -> list[dict[str, Any]]:
    epochs = {"nearest": run.nearest_epoch, "last": len(run.history)}
    records: dict[int | None, dict[str, Any]] = {}
    for epoch in epochs.values():
        if epoch not in records:
            model = run.model(epoch if epoch in run.snapshots else None).to(run.execution.device)
            records[epoch] = normalised_losses(model, problem)
    return [{"snapshot": name, "epoch": epoch, **records[epoch]} for name, epoch in epochs.items()]
