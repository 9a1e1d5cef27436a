"""Pretraining on corrupted labels, or from other initial weights, before the training proper."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from gengap import models
from gengap.data import Problem
from gengap.errors import InputError
from gengap.seeds import stream
from gengap.train.execution import Execution
from gengap.train.loop import Report, train
from gengap.train.recipe import Recipe
from gengap.train.replicas import Tensors
from gengap.train.run import Run


@dataclass(frozen=True)
class Pretraining:
    """What happens to a network before it is trained.

    Attributes:
        recipe: How it is trained on corrupted labels first; None for no such training.
        level: Probability in [0, 1] with which each training label is redrawn uniformly from all classes for that.
        initial_std: Weights of two and more axes are first drawn from N(0, initial_std^2), vectors set to what the
            network's constructor gives; None leaves all to the constructor.

    Raises:
        InputError: A standard deviation that is not positive.
    """

    recipe: Recipe | None = None
    level: float = 0.0
    initial_std: float | None = None

    def __post_init__(self) -> None:
        if self.initial_std is not None and not self.initial_std > 0:
            raise InputError(f"Initial weights of standard deviation {self.initial_std}.", expected="more than 0")


def initial_weights(problem: Problem, recipe: Recipe, seed: int, std: float | None = None) -> Tensors:
    """The state dict of a fresh network; ``std`` is that of ``Pretraining.initial_std``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(seed, "initialisation"))
        network = models.build(
            recipe.model, problem.input_shape, problem.n_classes, dropout=recipe.dropout, vocabulary=problem.vocabulary
        )
        if std is not None:
            for parameter in network.parameters():
                if parameter.ndim > 1:
                    nn.init.normal_(parameter, std=std)
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def train_pretrained(
    problem: Problem,
    recipe: Recipe,
    pretraining: Pretraining,
    seed: int = 0,
    *,
    execution: Execution,
    checkpoint: Path | None = None,
    report: Report | None = None,
) -> tuple[Run | None, Run]:
    """The run on corrupted labels, None where the pretraining has no recipe, and the run that follows it.

    Each begins with momentum zero. Corruption and order of the pretraining are drawn from separate streams of the
    seed; initial weights are those that the seed gives a training without pretraining.

    Source: Liao et al. 2018 (arXiv:1807.09659), Section 2, pretraining on corrupted labels and initialisation.

    Args:
        problem: What the network is trained on after pretraining.
        recipe: How.
        pretraining: What comes before; it uses the Problem with corrupted labels.
        seed: At least 0.
        execution: How to compute.
        checkpoint: File of the training's state; that of the pretraining, ``pretraining.pt``, stands beside it.
        report: Called after each epoch with epochs done, epochs at most, and a short text.

    Raises:
        InputError: A recipe that its Problem does not allow.
    """
    start = initial_weights(problem, recipe, seed, pretraining.initial_std)
    first = None
    if pretraining.recipe is not None:
        corrupted = problem.corrupt("labels", level=pretraining.level, seed=stream(seed, "corruption"))
        first = train(
            corrupted,
            pretraining.recipe,
            stream(seed, "pretraining"),
            execution=execution,
            checkpoint=None if checkpoint is None else checkpoint.with_name("pretraining.pt"),
            report=report,
            start=start,
        )
        start = first.weights
    run = train(problem, recipe, seed, execution=execution, checkpoint=checkpoint, report=report, start=start)
    return first, run
