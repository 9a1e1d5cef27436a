"""Networks that were pretrained on corrupted labels, or begun from weights of a given deviation: rows and losses.

They are stored like cells, under keys of their own, with what normalisation makes of their losses.
"""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gengap.cells.cell import FORMAT, Cell
from gengap.cells.running import Options, execution_of, save
from gengap.data import Problem, open_problem
from gengap.measures.normalisation import normalised_losses
from gengap.store import Row, Store
from gengap.sweep import Context, Job, available_cores
from gengap.sweep import run as sweep
from gengap.train import Execution, Pretraining, Recipe, Run, check_trainable, resolve_device, train_pretrained


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
        parts = ["pretrained", FORMAT, self.cell.key, before]
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()

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
    ``gengap.measures.normalisation.normalised_losses``. A network that
    was not trained has status ``missing``.

    Args:
        networks: What to train.
        store: Where rows are kept.
        options: How they are run.

    Raises:
        InputError: A device that is not there, a recipe that its Problem does not allow.
    """
    options = options or Options()
    if not options.stored:
        device = resolve_device(options.device)
        by_problem: dict[str, list[Pretrained]] = {}
        for network in {network.key: network for network in networks}.values():
            by_problem.setdefault(network.cell.problem.hash, []).append(network)
        finished = store.finished(network.key for network in networks)
        for group in by_problem.values():
            _run([network for network in group if network.key not in finished], store, device, options)
    absent = {"status": "missing", "reason": "it was never trained"}
    return [n.columns() | {"key": n.key} | (store.get(n.key) or absent) for n in networks]


def _run(networks: Sequence[Pretrained], store: Store, device: str, options: Options) -> None:
    if not networks:
        return
    for network in networks:
        check_trainable(network.cell.sample(), network.cell.recipe, len(network.cell.problem.train))
    with tempfile.TemporaryDirectory(prefix="gengap-") as name:
        save(networks[0].cell.problem, Path(name))
        units = [[_job(network, Path(name), device)] for network in networks]
        workers = options.workers or (1 if device == "cuda" else max(1, min(available_cores(), len(units))))
        sweep(units, train_payloads, store, workers=workers, timeout_s=options.timeout_s, progress=options.progress)


def _job(network: Pretrained, folder: Path, device: str) -> Job:
    cell = network.cell
    payload = Payload(folder, cell.recipe, network.pretraining, cell.seed, execution_of(cell, device))
    return Job(network.key, network.title, payload, network.columns())


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
