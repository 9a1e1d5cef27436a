"""Training: R runs side by side, epoch by epoch, resumable after any epoch."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from gengap import models
from gengap.data import Problem
from gengap.errors import InputError
from gengap.network.batch_dependence import MOST, batch_dependence
from gengap.network.inputs import examples
from gengap.train.checkpoint import Saver, begun_execution
from gengap.train.execution import Execution, resolve_device
from gengap.train.memory import keep_freed_memory
from gengap.train.recipe import Recipe
from gengap.train.replicas import Tensors
from gengap.train.run import Run
from gengap.train.training import EVALUATION_BATCH, Start, Training, Trio
from gengap.train.trials import OPEN_PRECISIONS, chosen_execution
from gengap.train.winsorized import clipped_count

# What recipes of one step may differ in.
FREE = {"learning_rate", "weight_decay"}

Report = Callable[[int, int, str], None]


def train(
    problem: Problem,
    recipe: Recipe,
    seed: int = 0,
    *,
    device: str = "auto",
    execution: Execution | None = None,
    checkpoint: Path | None = None,
    report: Report | None = None,
    start: Tensors | None = None,
) -> Run:
    """One trained network: ``train_replicas`` for a single run."""
    trios, starts = [(problem, recipe, seed)], None if start is None else [start]
    return train_replicas(
        trios, device=device, execution=execution, checkpoint=checkpoint, report=report, start=starts
    )[0]


def train_replicas(
    trios: Sequence[Trio],
    *,
    device: str = "auto",
    execution: Execution | None = None,
    checkpoint: Path | None = None,
    report: Report | None = None,
    start: Start = None,
) -> list[Run]:
    """R networks trained in one step: a Run for each (Problem, Recipe, seed), in order.

    Each replica draws its initialisation, the order of its examples and its augmentation from its own seed, so it
    does what it would do alone, up to round-off (dropout masks excepted, which replicas draw together). A replica
    that reaches its stop rule, or whose loss is no longer finite (status ``diverged``), leaves; the others go on.

    Args:
        trios: Problems of one shape, type, size and preprocessing; recipes that differ at most in learning rate and
            weight decay.
        device: ``auto``, ``cpu`` or ``cuda``.
        execution: How to compute; None measures what the recipe leaves open, once on this machine.
        checkpoint: File that is rewritten as training goes; training continues from it when it is there. Where the
            recipe leaves precision or layout open, it goes on in those in which it has begun: another outcome of a
            trial, or another machine, does not cost what is trained.
        report: Called after each epoch with epochs done, epochs at most, and a short text.
        start: A state dict for each run to begin from; None draws fresh weights.

    Raises:
        InputError: Trios that cannot be trained, or not together, or a device that is not there.
    """
    keep_freed_memory()
    _check_together(trios)
    problem, recipe, _ = trios[0]
    check_trainable(problem, recipe, len(problem.train))
    execution = _execution(problem, recipe, device, execution, begun_execution(checkpoint))
    training = Training.begin(trios, execution, start)
    saver = Saver(checkpoint, training)
    saver.restore()
    with _reproducible():
        while training.active:
            began = time.perf_counter()
            training.advance()
            training.add_seconds(time.perf_counter() - began)
            training.retire()
            saver.save()
            if report is not None:
                report(training.epoch, recipe.epochs, training.headline())
    _note_batch_dependence(training.runs, problem)
    return training.runs


def train_steps(
    trios: Sequence[Trio], *, device: str = "auto", execution: Execution | None = None, start: Start = None
) -> Iterator[Training]:
    """The training of R networks while it goes on: before the first step, and after each one.

    The steps are those of ``train_replicas``; nothing is evaluated, and no run ends before the recipe's last epoch.
    Several trainings may take turns: what their networks draw at random does not depend on the others.

    Args:
        trios: As for ``train_replicas``.
        device: ``auto``, ``cpu`` or ``cuda``.
        execution: How to compute; None measures what the recipe leaves open.
        start: A state dict for each run to begin from; None draws fresh weights.

    Raises:
        InputError: As ``train_replicas``, at the first ``next``.
    """
    keep_freed_memory()
    _check_together(trios)
    problem, recipe, _ = trios[0]
    check_trainable(problem, recipe, len(problem.train))
    execution = execution or chosen_execution(problem, recipe, resolve_device(device))
    training = Training.begin(trios, execution, start)
    yield training
    for _ in range(recipe.epochs):
        random = _RandomState(training.network_seed, execution.device)
        steps = training.steps()
        for _ in range(training.steps_per_epoch):
            with _reproducible(), random.used():
                next(steps)
            yield training


@contextmanager
def _reproducible() -> Iterator[None]:
    """Deterministic kernels of cuDNN in float32 without TF32."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


class _RandomState:
    """A state of torch's generator that is in force only while it is used."""

    def __init__(self, seed: int, device: str):
        self._seed, self._cuda = seed, device == "cuda"
        self._states: list[Tensor] | None = None

    @contextmanager
    def used(self) -> Iterator[None]:
        """Torch draws from it as long as the context lasts."""
        with torch.random.fork_rng():
            if self._states is None:
                torch.manual_seed(self._seed)
            else:
                torch.set_rng_state(self._states[0])
                if self._cuda:
                    torch.cuda.set_rng_state(self._states[1])
            yield
            self._states = [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if self._cuda else [])]


def _note_batch_dependence(runs: Sequence[Run], problem: Problem) -> None:
    """Says in the runs of a user's network if their losses and accuracies depend on how evaluation was batched."""
    done = [run for run in runs if run.status == "done"]
    if not done or models.fingerprint(done[0].recipe.model) is None:  # a named network treats each example by itself
        return
    network = done[0].model()
    try:
        reason = batch_dependence(network, examples(problem, slice(MOST), network)[0]).reason
    except Exception:  # whatever a user's forward raises in another type: no check is worth a finished training
        return
    for run in done:
        run.reason = reason and f"{reason}: evaluated in batches of {EVALUATION_BATCH} in the stored order"


def _execution(
    problem: Problem, recipe: Recipe, device: str, wanted: Execution | None, begun: Execution | None
) -> Execution:
    """How to compute: as was begun where the recipe leaves that open, else as wanted, else what is fastest."""
    if begun is not None and begun.device == (resolve_device(device) if wanted is None else wanted.device):
        asked = begun.precision if wanted is None else wanted.precision
        open_precision = recipe.precision == "auto" and {asked, begun.precision} <= set(OPEN_PRECISIONS)
        open_layout = recipe.memory_format in ("auto", begun.memory_format)
        if open_layout and (open_precision or recipe.precision == begun.precision == asked):
            return begun
    return wanted or chosen_execution(problem, recipe, resolve_device(device))


def shared_part(problem: Problem, recipe: Recipe) -> tuple[object, ...]:
    """What runs have in common, beside the numbers of examples, where they may be replicas of one step."""
    forms = [(split.x.shape[1:], split.x.dtype.str) for split in (problem.train, problem.test)]
    return (recipe.model_dump_json(exclude=FREE), *forms, problem.preprocessing, problem.n_classes, problem.vocabulary)


def check_trainable(problem: Problem, recipe: Recipe, n_train: int) -> None:
    """Raises InputError where a recipe asks for what ``n_train`` examples like the Problem's do not allow."""
    for name in ("flip", "pad", "rotation"):
        if getattr(recipe, name) and problem.train.x.ndim != 4:
            raise InputError(f"{problem.name} has no images, which {name} is for.", expected=f"images, or no {name}")
    if recipe.mixup and problem.vocabulary is not None:
        raise InputError(f"{problem.name} holds tokens, which mixup cannot mix.", expected="numbers, or mixup=0")
    if recipe.random_crop and problem.preprocessing.crop is None:
        cut = any(step["step"] == "crop" for step in problem.steps)
        raise InputError(
            f"{problem.name} has no margin to crop at random{', being cut before its pixels were corrupted' * cut}.",
            expected="a Problem whose preprocessing declares a crop, as CIFAR's does, or random_crop=false",
        )
    if recipe.winsorize:
        clipped_count(recipe.winsorize, min(recipe.batch_size, n_train))  # else no step would clip anything
    if 1 in (recipe.batch_size, n_train % recipe.batch_size):
        _check_batch_of_one(problem, recipe, n_train)


def _check_batch_of_one(problem: Problem, recipe: Recipe, n_train: int) -> None:
    """Batch normalisation cannot train on a single value a channel; ``squeeze()`` drops the axis of one example."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        model = models.build(
            recipe.model, problem.input_shape, problem.n_classes, dropout=recipe.dropout, vocabulary=problem.vocabulary
        )
        try:
            shape = tuple(model(models.blank_inputs(1, problem.input_shape, problem.vocabulary, torch.empty(0))).shape)
            if shape != (1, problem.n_classes):
                raise ValueError(f"its output has shape {shape}")
        except ValueError as error:
            raise InputError(
                f"{recipe.model} cannot train on the minibatch of one example with which {n_train:,} examples in "
                f"minibatches of {recipe.batch_size} end: {error}.",
                expected="a batch_size that leaves at least two examples for the last minibatch",
            ) from error


def _check_together(trios: Sequence[Trio]) -> None:
    if not trios:
        raise InputError("No run to train.", expected="at least one (Problem, Recipe, seed)")
    forms = [(len(p.train), len(p.test), shared_part(p, r)) for p, r, _ in trios]
    if any(form != forms[0] for form in forms):
        raise InputError(
            "These runs cannot share a step.",
            expected="Problems of one shape, type, size and preprocessing, and recipes that differ at most in "
            + " and ".join(sorted(FREE)),
            next_step="train them one after the other",
        )
