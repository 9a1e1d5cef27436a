"""Twin runs as replicas of one step: how far training drifts apart when one example is another, epoch by epoch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gengap.arrays import Floats
from gengap.bounds import LossConstants, hardt2016_convex, hardt2016_nonconvex
from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.network.cross_entropy import losses as cross_entropies
from gengap.network.cross_entropy import summed_gradients
from gengap.network.gradients import gradient_norm_report
from gengap.network.inputs import batches
from gengap.seeds import generator
from gengap.train import Execution, Recipe, Run, train, train_replicas

GRADIENTS = 500  # training examples on which the constants are estimated


class Drift(NamedTuple):
    """Twins against the first run after an epoch.

    Attributes:
        epoch, steps: When; 0 is the initialisation.
        distance: ``||w - w'|| / sqrt(||w||^2 + ||w'||^2)`` over all parameters, mean over twins.
        layers: Parameter's name -> the same for it alone.
        loss_change: Largest ``|loss - loss'|`` of a test example, in nats, mean over twins.
        train_error, test_error, train_loss, test_loss: Of the first run; losses in nats.
    """

    epoch: int
    steps: int
    distance: float
    layers: Mapping[str, float]
    loss_change: float
    train_error: float
    test_error: float
    train_loss: float
    test_loss: float

    @property
    def gap(self) -> float:
        """``|training error - test error|``."""
        return abs(self.train_error - self.test_error)


@dataclass(frozen=True)
class TwinRuns:
    """Trainings whose sets differ in one example.

    Attributes:
        drifts: One for each epoch asked for.
        n: Examples that each was trained on.
        twins: Runs set against the first.
        step_sizes: Of all steps.
        lipschitz: The largest gradient norm of a training example seen at these epochs: a lower estimate of L.
        smoothness: The largest ``||grad L(w) - grad L(w')|| / ||w - w'||`` of the mean loss between twins: a lower
            estimate of beta; None where no twin has moved away.
    """

    drifts: tuple[Drift, ...]
    n: int
    twins: int
    step_sizes: Floats
    momentum: float
    lipschitz: float
    smoothness: float | None

    def promises(self) -> dict[str, float | str]:
        """Hardt et al.'s expressions with the constants seen: numbers, or why there is none.

        They are no bounds here: the constants are lower estimates, so that the true expressions are larger; the convex
        one is of a convex loss, which a network with a hidden layer does not have; and both are of one example a step.
        """
        if self.smoothness is None:
            reason = "no twin moved away from the first run, so that nothing is known of the smoothness"
            return {"convex": reason, "nonconvex": reason}
        constants = LossConstants(self.lipschitz, self.smoothness)
        result: dict[str, float | str] = {}
        for name, bound in (("convex", hardt2016_convex), ("nonconvex", hardt2016_nonconvex)):
            try:
                result[name] = bound(constants, self.step_sizes, self.n, momentum=self.momentum)
            except InputError as error:
                result[name] = str(error).replace("\n", " ")
        return result


def twin_runs(
    problem: Problem,
    recipe: Recipe,
    *,
    twins: int = 1,
    epochs: Sequence[int] | None = None,
    seed: int = 0,
    together: bool = True,
    execution: Execution | None = None,
    start: dict[str, Tensor] | None = None,
) -> TwinRuns:
    """Trains on S and on sets that differ from it in one example each, same seed and order, and follows their drift.

    The last ``twins`` training examples are set aside; each takes the place of one of the others, chosen at random.

    Source: Hardt, Recht and Singer 2016 (arXiv:1509.01240), section 5.

    Args:
        problem: What to train and to test on; more training examples than ``twins``.
        recipe: How to train; no early stop.
        twins: Runs set against the first, at least 1.
        epochs: When to measure, 0 for the initialisation; None for all.
        seed: Of all runs, and of the places of the examples replaced.
        together: Whether all runs are replicas of one step, or one comes after the other.
        execution: How to compute; None leaves it to ``gengap.train.train``.
        start: State dict to begin from; None draws fresh weights.

    Raises:
        InputError: Too few examples, fewer than one twin, an epoch that the recipe does not reach, a stop rule, or
            training that diverged.
    """
    n = len(problem.train) - twins
    if twins < 1 or n < 1:
        raise InputError(f"{twins} twins and {len(problem.train)} examples.", expected="1 <= twins < examples")
    chosen = tuple(range(recipe.epochs + 1)) if epochs is None else tuple(epochs)
    if not chosen or not all(0 <= epoch <= recipe.epochs for epoch in chosen):
        raise InputError(f"Epochs {list(chosen)}.", expected=f"numbers from 0 to {recipe.epochs}")
    if recipe.interpolate or recipe.target_loss is not None:
        raise InputError("The recipe stops early.", expected="the same number of steps for all twins")
    recipe = recipe.model_copy(update={"snapshots": chosen})
    places = generator(seed, "twins").choice(n, size=twins)
    problems = [problem.take(n), *(_replaced(problem, n, int(p), n + k) for k, p in enumerate(places))]
    if together:
        starts = None if start is None else [start] * len(problems)
        runs = train_replicas([(each, recipe, seed) for each in problems], execution=execution, start=starts)
    else:
        runs = [train(each, recipe, seed, execution=execution, start=start) for each in problems]
    lost = [run.reason for run in runs if run.status == "diverged"]
    if lost:
        raise InputError(f"Training diverged: {lost[0]}.", next_step="take a smaller learning rate")
    return _followed(problems[0], recipe, runs, chosen, n)


def _replaced(problem: Problem, n: int, place: int, source: int) -> Problem:
    index = np.arange(n)
    index[place] = source
    step = {"step": "replace", "n": n, "place": place, "source": source}
    return problem.derive(step, train=Split(problem.train.x[index], problem.train.y[index]))


def _followed(problem: Problem, recipe: Recipe, runs: Sequence[Run], epochs: Sequence[int], n: int) -> TwinRuns:
    per_epoch = -(-n // recipe.batch_size)
    drifts, lipschitz, ratios = [], 0.0, []
    few = problem.take(min(n, GRADIENTS), 1)
    x, y = _all(few, runs[0].model(), "train")
    for epoch in epochs:
        models = [run.model(epoch) for run in runs]
        drifts.append(_drift(problem, models, epoch, epoch * per_epoch))
        lipschitz = max(lipschitz, float(gradient_norm_report(models[0], x, y).norms.max()))
        ratios += [r for twin in models[1:] if (r := _ratio(models[0], twin, x, y)) is not None]
    steps = np.array([recipe.learning_rate_at(s, per_epoch) for s in range(max(1, recipe.epochs * per_epoch))])
    return TwinRuns(tuple(drifts), n, len(runs) - 1, steps, recipe.momentum, lipschitz, max(ratios, default=None))


def _drift(problem: Problem, models: Sequence[nn.Module], epoch: int, steps: int) -> Drift:
    first, twins = models[0], models[1:]
    apart = [_distances(first, twin) for twin in twins]
    train, test = (_losses(first, problem, split) for split in ("train", "test"))
    changes = [float((_losses(twin, problem, "test")[0] - test[0]).abs().max()) for twin in twins]
    return Drift(
        epoch,
        steps,
        float(np.mean([each[""] for each in apart])),
        {name: float(np.mean([each[name] for each in apart])) for name in apart[0] if name},
        float(np.mean(changes)),
        float(train[1].double().mean()),
        float(test[1].double().mean()),
        float(train[0].mean()),
        float(test[0].mean()),
    )


def _distances(first: nn.Module, second: nn.Module) -> dict[str, float]:
    """Normalised distance by parameter, and over all under the empty name."""
    parts = {}
    for (name, a), b in zip(first.named_parameters(), second.parameters(), strict=True):
        u, v = a.detach().double(), b.detach().double()
        parts[name] = (float((u - v).square().sum()), float(u.square().sum() + v.square().sum()))
    whole = tuple(sum(part[i] for part in parts.values()) for i in range(2))
    return {name: (p[0] / p[1]) ** 0.5 if p[1] else 0.0 for name, p in {**parts, "": whole}.items()}


def _all(problem: Problem, model: nn.Module, split: str) -> tuple[Tensor, Tensor]:
    parts = list(batches(problem, model, split))  # type: ignore[arg-type]
    return torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])


def _losses(model: nn.Module, problem: Problem, split: str) -> tuple[Tensor, Tensor]:
    """Cross-entropy of each example in nats, and whether it is misclassified."""
    losses, wrong = [], []
    with torch.no_grad():
        for x, y in batches(problem, model, split):  # type: ignore[arg-type]
            scores = model(x).double()
            losses.append(cross_entropies(scores, y))
            wrong.append(scores.argmax(1) != y)
    return torch.cat(losses), torch.cat(wrong)


def _ratio(first: nn.Module, second: nn.Module, x: Tensor, y: Tensor) -> float | None:
    """``||grad L(w) - grad L(w')|| / ||w - w'||``; None for equal weights."""
    weights = [nn.utils.parameters_to_vector(model.parameters()).detach().double() for model in (first, second)]
    apart = float(torch.linalg.vector_norm(weights[0] - weights[1]))
    if apart == 0:
        return None
    slopes = []
    for model in (first, second):
        slope = torch.zeros_like(weights[0])
        with torch.enable_grad():
            for log_size, gradients in summed_gradients(model(x), y, list(model.parameters())):
                slope += torch.cat([g.flatten().double() for g in gradients]) * (math.exp(log_size) / len(y))
        slopes.append(slope)
    return float(torch.linalg.vector_norm(slopes[0] - slopes[1])) / apart
