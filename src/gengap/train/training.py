"""The state of R runs in training: networks and data on the device, and what has been recorded."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gengap.data import Problem
from gengap.data.rows import Rows
from gengap.network.inputs import batch_rows, centre_crop, scaled
from gengap.seeds import stream
from gengap.train.augmentation import mixed, padded_crop, random_crop, random_flip, random_rotation
from gengap.train.execution import Execution
from gengap.train.recipe import Recipe
from gengap.train.replicas import Replicas, Tensors
from gengap.train.run import Run

Trio = tuple[Problem, Recipe, int]
Start = Sequence[Tensors] | None

EVALUATION_BATCH = 500


@dataclass
class Examples:
    """One split of R Problems: inputs for each replica (often one tensor) and labels ``[R, N]``, on the device.

    Inputs that stay in files are read and cut to ``crop`` as minibatches ask for them.
    """

    x: list[Tensor | Rows]
    y: Tensor
    crop: int | None = None

    def inputs(self, index: Tensor) -> Tensor:
        """``[R, B, …]`` for indices ``[R, B]``."""
        if all(x is self.x[0] for x in self.x):
            chosen = self._rows(self.x[0], index.flatten())
            return chosen.view(*index.shape, *chosen.shape[1:])
        return torch.stack([self._rows(x, i) for x, i in zip(self.x, index, strict=True)])

    def _rows(self, x: Tensor | Rows, index: Tensor) -> Tensor:
        if isinstance(x, Rows):
            return centre_crop(torch.from_numpy(x[index.cpu().numpy()]), self.crop).to(self.y.device)
        return x.index_select(0, index)  # whole rows: far faster than x[index] on a CPU


@dataclass
class Training:
    """R runs in training. ``active[r]`` is the run that replica r belongs to."""

    trios: Sequence[Trio]
    replicas: Replicas
    train: Examples
    test: Examples
    runs: list[Run]
    active: list[int]
    epoch: int = 0

    @classmethod
    def begin(cls, trios: Sequence[Trio], execution: Execution, start: Start = None) -> "Training":
        """The state before the first epoch; ``start`` has each run's weights, or is None for fresh ones."""
        problem, recipe, _ = trios[0]
        replicas = Replicas.initialise(problem, recipe, [seed for _, _, seed in trios], execution)
        if start is not None:
            replicas.load(start)
        runs = [
            Run(
                own, seed, replicas.execution, p.input_shape, p.n_classes, weights=replicas.weights(r),
                vocabulary=p.vocabulary,
                replicas=replicas.apart and f"one after the other in each step: {replicas.apart}",
            )
            for r, (p, own, seed) in enumerate(trios)
        ]  # fmt: skip
        for run in runs:
            if 0 in recipe.snapshots:
                run.snapshots[0] = run.weights
        crop = None if recipe.random_crop else problem.preprocessing.crop
        problems = [p for p, _, _ in trios]
        return cls(
            trios,
            replicas,
            _on_device([(p.train.x, p.train.y) for p in problems], crop, execution.device),
            _on_device([(p.test.x, p.test.y) for p in problems], problem.preprocessing.crop, execution.device),
            runs,
            active=list(range(len(trios))),
        )

    @property
    def recipe(self) -> Recipe:
        """The recipe in all that replicas share."""
        return self.trios[0][1]

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches of an epoch, the last of which may be smaller."""
        return math.ceil(self.train.y.shape[1] / self.recipe.batch_size)

    def advance(self) -> None:
        """One epoch of training, its evaluation where due, and a record of both in each active run's history."""
        recipe = self.recipe
        loss, accuracy, steps = self.train_epoch()
        due = self.epoch % recipe.evaluate_every == 0 or self.epoch == recipe.epochs
        measured: dict[str, Sequence[float | None]] = {}
        unknown = [None] * len(self.active)
        for name, split in (("train", self.train), ("test", self.test)):
            losses, accuracies, top = self._evaluate(split) if due else (unknown, unknown, unknown)
            measured |= {f"{name}_loss": losses, f"{name}_accuracy": accuracies}
            if recipe.top_k > 1:
                measured[f"{name}_top_{recipe.top_k}_accuracy"] = top
        if recipe.darc1:
            measured["darc1_term"] = self._darc1_terms() if due else [None] * len(self.active)
        for r, i in enumerate(self.active):
            record: dict[str, Any] = {
                "epoch": self.epoch,
                "steps": steps,
                "lr": self.runs[i].recipe.learning_rate_at(steps - 1, self.steps_per_epoch),
                **{name: values[r] for name, values in measured.items()},
                "running_loss": loss[r],
                "running_accuracy": accuracy[r],
            }
            self.runs[i].history.append(record)

    def train_epoch(self) -> tuple[list[float], list[float], int]:
        """One epoch of training: mean loss and accuracy over its minibatches, each ``[R]``, and all steps so far."""
        n = self.train.y.shape[1]
        total_loss = torch.zeros(len(self.active), dtype=torch.float64, device=self.train.y.device)
        total_hits = torch.zeros_like(total_loss)
        with torch.random.fork_rng():
            torch.manual_seed(self.network_seed)
            for size, loss, hits in self.steps():
                total_loss += loss * size
                total_hits += hits
        return (total_loss / n).tolist(), (total_hits / n).tolist(), self.epoch * self.steps_per_epoch

    @property
    def network_seed(self) -> int:
        """Seed of what the networks draw from torch's generator in the next epoch: masks of dropout and the like."""
        return stream(self.runs[self.active[0]].seed, "dropout", self.epoch + 1)

    def steps(self) -> Iterator[tuple[int, Tensor, Tensor]]:
        """The next epoch, step by step: examples of a minibatch, mean loss and hits before its step, each ``[R]``."""
        self.epoch += 1
        recipe, device = self.recipe, self.train.y.device
        n, size = self.train.y.shape[1], recipe.batch_size
        seeds = [self.runs[i].seed for i in self.active]
        order = torch.stack([torch.randperm(n, generator=_generator(seed, "order", self.epoch)) for seed in seeds])
        augmenting = [_generator(seed, "augmentation", self.epoch) for seed in seeds]
        decays = self._each(lambda own: own.weight_decay)
        weight_decays = decays if decays.any() else None
        mixing = [np.random.default_rng(stream(seed, "mixup", self.epoch)) for seed in seeds]
        step = (self.epoch - 1) * self.steps_per_epoch
        for index, rates in zip(torch.split(order.to(device), size, dim=1), self._rates(step), strict=True):
            x = self._augmented(self.train.inputs(index), augmenting)
            y = self.train.y.gather(1, index)
            x = self._scaled(x)
            mixture = None
            if recipe.mixup:
                x, mixture = mixed(x, y, recipe.mixup, mixing)
            loss, hits = self.replicas.step(x, y, rates, weight_decays, number=step, mixture=mixture)
            step += 1
            yield index.shape[1], loss, hits

    def add_seconds(self, seconds: float) -> None:
        """Books the time of the last epoch."""
        for i in self.active:
            self.runs[i].seconds += seconds
            self.runs[i].history[-1]["seconds"] = seconds

    def retire(self) -> None:
        """Keeps the snapshots that are due, and takes out the runs that have ended, with their final weights."""
        staying = []
        for r, i in enumerate(self.active):
            run = self.runs[i]
            ended = _ends(run, self.epoch)
            kept = self.epoch in run.wanted_epochs
            if ended or kept:
                run.weights = self.replicas.weights(r)
            if kept:
                run.keep_snapshot(self.epoch)
            if not ended:
                staying.append(r)
        self.keep(staying)

    def keep(self, staying: Sequence[int]) -> None:
        """Drops all replicas but those at the given places."""
        if len(staying) == len(self.active):
            return
        self.active = [self.active[r] for r in staying]
        self.replicas.keep(staying)
        for split in (self.train, self.test):
            split.x, split.y = [split.x[r] for r in staying], split.y[list(staying)]

    def headline(self) -> str:
        """The last epoch in a few words."""
        last = [run.history[-1] for run in self.runs if run.history]
        accuracy = np.mean([record["running_accuracy"] for record in last])
        return f"loss {np.mean([record['running_loss'] for record in last]):.3f}, accuracy {accuracy:.3f}"

    def _evaluate(self, split: Examples) -> tuple[list[float], list[float], list[float]]:
        """Mean loss, accuracy, and accuracy by the ``top_k`` largest scores, of each replica."""
        k = self.recipe.top_k
        total_loss = torch.zeros(len(self.active), dtype=torch.float64, device=split.y.device)
        total_hits, total_top = torch.zeros_like(total_loss), torch.zeros_like(total_loss)
        for x, y in self._batches(split):
            loss, hits, top = self.replicas.evaluate_top(x, y, k) if k > 1 else (*self.replicas.evaluate(x, y), 0.0)
            total_loss += loss * y.shape[1]
            total_hits += hits
            total_top += top
        n = split.y.shape[1]
        return (total_loss / n).tolist(), (total_hits / n).tolist(), (total_top / n).tolist()

    def _darc1_terms(self) -> list[float]:
        """The term of DARC1 on the whole training split, in evaluation mode."""
        sizes: Tensor = sum(self.replicas.score_sizes(x, y).double() for x, y in self._batches(self.train))  # type: ignore[assignment]
        return (sizes.amax(1) / self.train.y.shape[1]).tolist()

    def _batches(self, split: Examples) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and labels of each replica as evaluation takes them, a batch at a time."""
        crop = self.trios[0][0].preprocessing.crop
        for rows in batch_rows(split.y.shape[1], EVALUATION_BATCH):
            index = torch.arange(rows.start, rows.stop, device=split.y.device)
            everyone = index.expand(len(self.active), -1)
            yield self._scaled(centre_crop(split.inputs(everyone), crop)), split.y[:, index]

    def _rates(self, first: int) -> Tensor:
        """Learning rates of an epoch's steps, ``[steps, R]``: one copy to the device, not one a step."""
        per_epoch = self.steps_per_epoch
        recipes = [self.runs[i].recipe for i in self.active]
        steps = range(first, first + per_epoch)
        return self._numbers([[own.learning_rate_at(step, per_epoch) for own in recipes] for step in steps])

    def _each(self, value: Callable[[Recipe], float]) -> Tensor:
        """A number of each active run's recipe, ``[R]``."""
        return self._numbers([value(self.runs[i].recipe) for i in self.active])

    def _numbers(self, values: list[Any]) -> Tensor:
        return torch.tensor(values, dtype=self.replicas.execution.dtype, device=self.train.y.device)

    def _augmented(self, x: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        recipe, crop = self.recipe, self.trios[0][0].preprocessing.crop
        changes: list[Callable[[Tensor, torch.Generator], Tensor]] = []
        if recipe.random_crop and crop is not None:
            changes.append(lambda images, g: random_crop(images, crop, g))
        if recipe.pad:
            changes.append(lambda images, g: padded_crop(images, recipe.pad, g))
        if recipe.rotation:
            changes.append(lambda images, g: random_rotation(images, recipe.rotation, g))
        if recipe.flip:
            changes.append(random_flip)
        for change in changes:
            x = torch.stack([change(images, g) for images, g in zip(x, generators, strict=True)])
        return x

    def _scaled(self, x: Tensor) -> Tensor:
        return scaled(x, self.trios[0][0].preprocessing, self.replicas.execution.dtype)


def _ends(run: Run, epoch: int) -> bool:
    last, recipe = run.history[-1], run.recipe
    losses = [last["running_loss"], *(last[k] for k in ("train_loss", "test_loss") if last[k] is not None)]
    if not all(map(math.isfinite, losses)):
        run.status, run.reason = "diverged", f"the loss was no longer finite in epoch {epoch}"
        return True
    reached = (
        recipe.target_loss is not None and last["train_loss"] is not None and last["train_loss"] <= recipe.target_loss
    )
    fitted = recipe.interpolate and last["train_accuracy"] == 1.0
    return reached or fitted or epoch >= recipe.epochs


def _generator(seed: int, purpose: str, epoch: int) -> torch.Generator:
    return torch.Generator().manual_seed(stream(seed, purpose, epoch))


def _on_device(splits: Sequence[tuple[NDArray[Any], NDArray[np.int64]]], crop: int | None, device: str) -> Examples:
    """Arrays that several replicas share are moved once; what stays in files is not moved."""
    distinct: dict[int, Any] = {id(x): x for x, _ in splits}
    moved = {
        key: x if isinstance(x, Rows) else centre_crop(torch.from_numpy(x.copy()), crop).contiguous().to(device)
        for key, x in distinct.items()
    }
    labels = torch.from_numpy(np.stack([y for _, y in splits])).to(device)
    return Examples([moved[id(x)] for x, _ in splits], labels, crop)
