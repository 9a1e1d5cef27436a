"""The networks that measures are tried on: trained on ever more random labels, and changed without harm."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
from torch import nn

from gengap.data import Problem
from gengap.errors import InputError
from gengap.network.inputs import class_scores
from gengap.ranking.trial.changes import changed, permuted_units, rescaled_layers, rescaled_units, rounded
from gengap.seeds import stream
from gengap.train import Execution, Recipe, Run, train_replicas

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)  # probabilities with which a training label is redrawn
SEEDS = 4  # networks at each level
EXAMPLES = 400  # training examples, at most
RECIPE = Recipe.parse(
    {
        **{"model": "mlp-2x64", "batch_size": 50, "optimizer": "adam", "learning_rate": 3e-3, "schedule": "constant"},
        **{"epochs": 400, "target_loss": 0.05, "snapshots": (0,), "precision": "float32"},
        "memory_format": "contiguous",
    }
)
SAME, SEED, ORDER = "as it was", "another seed", "another order"
# Change -> how the recipe differs; all train to the same loss.
RECIPES: dict[str, dict[str, object]] = {
    "another batch size": {"batch_size": 100},
    "another learning rate": {"learning_rate": 1.5e-3},
    "another optimizer": {"optimizer": "sgd", "learning_rate": 0.05, "momentum": 0.9},
}
WEIGHTS = ("layers rescaled", "units rescaled", "units permuted", "weights in bfloat16")
CHANGES = (*WEIGHTS, ORDER, SEED, *RECIPES)
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Tried:
    """A network that measures are tried on.

    Attributes:
        level: Probability with which its training labels were redrawn.
        seed: Of labels, weights and order.
        change: What was changed of the network of that seed: one of ``CHANGES``, or ``as it was``.
        model: The network, in evaluation mode.
        initial: It at initialisation.
        problem: What it was trained on, and true test labels.
        history: Of its training.
        train_error, test_error: Fractions.
    """

    level: float
    seed: int
    change: str
    model: nn.Sequential
    initial: nn.Sequential
    problem: Problem
    history: list[dict[str, Any]]
    train_error: float
    test_error: float

    @property
    def gap(self) -> float:
        """Test error less training error."""
        return self.test_error - self.train_error


def trial_networks(problem: Problem, *, seeds: int = SEEDS, progress: Progress | None = None) -> list[Tried]:
    """Perceptrons trained to one cross entropy: on ever more random labels, and on true labels with harmless changes.

    Args:
        problem: Of which the first 400 training examples are used, and the whole test split.
        seeds: Networks at each level of corruption, and of each change, at least 2.
        progress: Called with (done, total, text), in epochs.

    Raises:
        InputError: Fewer than two seeds, or no network that reached the cross entropy on true labels.
    """
    if seeds < 2:
        raise InputError(f"seeds = {seeds}.", expected="at least 2, whose difference is the yardstick of a change")
    clean = problem.take(min(EXAMPLES, len(problem.train)))
    total = RECIPE.epochs * (2 + len(RECIPES))

    def report(stage: int, text: str) -> Callable[[int, int, str], None]:
        return lambda done, _, __: progress and progress(stage * RECIPE.epochs + done, total, text)

    noisy = [clean.corrupt("labels", level=level, seed=seed) if level else clean for level, seed in _grid(seeds)]
    trios = [(data, RECIPE, seed) for data, (_, seed) in zip(noisy, _grid(seeds), strict=True)]
    runs = _trained(trios, report(0, "training on random labels"))
    result = [_tried(run, clean, level, SAME) for run, (level, _) in zip(runs, _grid(seeds), strict=True)]
    base = runs[:seeds]  # level 0 comes first
    again = [(clean, RECIPE, stream(seed, "trial", "order") % 2**31) for seed in range(seeds)]
    reordered = _trained(again, report(1, "training in another order"), [run.snapshots[0] for run in base])
    result += [_tried(run, clean, 0.0, ORDER, seed) for seed, run in enumerate(reordered)]
    for stage, (change, fields) in enumerate(RECIPES.items(), start=2):
        recipe = Recipe.parse(RECIPE.model_dump(exclude_unset=True) | fields)
        start = [run.snapshots[0] for run in base]
        trained = _trained(
            [(clean, recipe, seed) for seed in range(seeds)], report(stage, f"training: {change}"), start
        )
        result += [_tried(run, clean, 0.0, change) for run in trained]
    result = [tried for tried in result if tried.history[-1]["train_loss"] <= (RECIPE.target_loss or 0.0)]
    if not any(tried.level == 0 and tried.change == SAME for tried in result):
        raise InputError(
            f"No network reached a cross entropy of {RECIPE.target_loss} on {problem.name}.",
            expected="data that a perceptron of two hidden layers of 64 fits in 400 epochs",
            next_step="standardise its columns, or leave out --data for the digits",
        )
    return result + [new for tried in result if tried.level == 0 and tried.change == SAME for new in _changed(tried)]


def _grid(seeds: int) -> list[tuple[float, int]]:
    return [(level, seed) for level in LEVELS for seed in range(seeds)]


def _trained(trios: Sequence[Any], report: Any, start: Any = None) -> list[Run]:
    execution = Execution("cpu", "float32", "contiguous")
    return train_replicas(_unwatched(trios), device="cpu", execution=execution, report=report, start=start)


def _unwatched(trios: Sequence[Any]) -> list[Any]:
    """With a test split of one example: it is looked at once, at the end."""
    return [(data.take(None, 1), recipe, seed) for data, recipe, seed in trios]


def _tried(run: Run, clean: Problem, level: float, change: str, seed: int | None = None) -> Tried:
    seed = run.seed if seed is None else seed
    data = clean.corrupt("labels", level=level, seed=seed) if level else clean
    model, initial = (cast("nn.Sequential", run.model(epoch)) for epoch in (None, 0))  # as named perceptrons are
    return _measured_errors(model, initial, data, run.history, level, seed, change)


def _measured_errors(
    model: nn.Sequential, initial: nn.Sequential, data: Problem, history: Any, level: float, seed: int, change: str
) -> Tried:
    errors = [
        float(np.mean(class_scores(model, data, split.x).argmax(1) != split.y)) for split in (data.train, data.test)
    ]
    return Tried(level, seed, change, model, initial.eval(), data, history, *errors)


def _changed(tried: Tried) -> Iterator[Tried]:
    """The network with each change of its weights; permuted units are those of its initialisation too."""
    permute = partial(permuted_units, seed=tried.seed)
    changes: dict[str, Callable[[nn.Sequential], Any]] = {
        "layers rescaled": rescaled_layers,
        "units rescaled": partial(rescaled_units, seed=tried.seed),
        "units permuted": permute,
        "weights in bfloat16": rounded,
    }
    model, initial = tried.model, tried.initial
    for change in WEIGHTS:
        before = changed(initial, permute) if change == "units permuted" else initial
        yield _measured_errors(
            changed(model, changes[change]), before, tried.problem, tried.history, 0.0, tried.seed, change
        )
