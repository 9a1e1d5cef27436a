"""Twin runs: how far training drifts apart when one example is another, step by step."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gengap import models
from gengap.arrays import Floats
from gengap.bounds import LossConstants, hardt2016_convex, hardt2016_nonconvex, hardt2016_strongly_convex
from gengap.data import Problem, Split
from gengap.errors import InputError, listed
from gengap.network.cross_entropy import losses as cross_entropies
from gengap.network.cross_entropy import summed_gradients
from gengap.network.gradients import gradient_norm_report, random_layers, trainable
from gengap.network.inputs import batches, examples
from gengap.seeds import generator
from gengap.train import Execution, Recipe, Training, chosen_execution, faster_together, resolve_device, train_steps

GRADIENTS = 500  # training examples on which the constants are estimated


class Drift(NamedTuple):
    """Twins against the first run after a step.

    Attributes:
        epoch, steps: When, in epochs and in steps; 0 is the initialisation.
        distance: ``||w - w'|| / sqrt(||w||^2 + ||w'||^2)`` over the parameters that are trained, mean over twins.
        layers: Parameter's name -> the same for it alone.
        loss_change: Largest ``|loss - loss'|`` of a test example, in nats, mean over twins.
        train_error, test_error, train_loss, test_loss: Of the first run; losses in nats.
    """

    epoch: float
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
        drifts: One for each time asked for, in order.
        n: Examples that each was trained on.
        twins: Runs set against the first.
        together: Whether the runs were replicas of one step, or took turns step by step.
        step_sizes: Of all steps up to the last drift.
        lipschitz: The largest gradient norm of a training example seen at these times: a lower estimate of L.
        smoothness: The largest ``||grad L(w) - grad L(w')|| / ||w - w'||`` of the mean loss between twins: a lower
            estimate of beta; None where no twin has moved away.
        weight_decay: Of the recipe.
        weight_norm: The largest ``||w||`` of the first run at these times, over the parameters that are not frozen.
        not_covered: Parameters that have no gradient: frozen ones, and those on which the loss does not depend.
    """

    drifts: tuple[Drift, ...]
    n: int
    twins: int
    together: bool
    step_sizes: Floats
    momentum: float
    lipschitz: float
    smoothness: float | None
    weight_decay: float
    weight_norm: float
    not_covered: tuple[str, ...] = ()

    def promises(self) -> dict[str, float | str]:
        """Hardt et al.'s expressions with the constants seen: numbers, or why there is none.

        They are no bounds here: the constants are lower estimates, so that the true expressions are larger; the convex
        ones are of a convex loss, which a network with a hidden layer does not have; and all are of one example a step,
        not of a minibatch. The non-convex one is of a loss in [0, 1] and is cut at 1; the constants are those of the
        cross-entropy, which has no upper limit.
        Weight decay of lambda makes a convex loss lambda-strongly convex; then L is that of the loss seen and lambda
        times the norm of the weights, and beta is larger by lambda. Steps are not projected, as that theorem asks.
        """
        if self.smoothness is None:
            reason = "no twin moved away from the first run, so that nothing is known of the smoothness"
            return dict.fromkeys(("convex", "strongly_convex", "nonconvex"), reason)
        constants, decay = LossConstants(self.lipschitz, self.smoothness), self.weight_decay
        decayed = LossConstants(self.lipschitz + decay * self.weight_norm, self.smoothness + decay)
        steps, n, momentum = self.step_sizes, self.n, self.momentum
        strongly = (
            partial(hardt2016_strongly_convex, decayed, decay, steps, n, momentum=momentum)
            if decay
            else "there is no weight decay, so that no loss is known to be strongly convex"
        )
        return {
            "convex": _value(partial(hardt2016_convex, constants, steps, n, momentum=momentum)),
            "strongly_convex": strongly if isinstance(strongly, str) else _value(strongly),
            "nonconvex": _value(partial(hardt2016_nonconvex, constants, steps, n, momentum=momentum)),
        }


def _value(bound: Callable[[], float]) -> float | str:
    """A bound's value, or why there is none."""
    try:
        return bound()
    except InputError as error:
        return str(error).replace("\n", " ")


def twin_runs(
    problem: Problem,
    recipe: Recipe,
    *,
    twins: int = 1,
    epochs: Sequence[int] | None = None,
    steps: Sequence[int] | None = None,
    seed: int = 0,
    together: bool | None = None,
    execution: Execution | None = None,
    start: dict[str, Tensor] | None = None,
) -> TwinRuns:
    """Trains on S and on sets that differ from it in one example each, same seed and order, and follows their drift.

    The last ``twins`` training examples are set aside; each takes the place of one of the others, chosen at random.
    Training ends with the last measurement. Networks are measured in evaluation mode.

    Source: Hardt, Recht and Singer 2016 (arXiv:1509.01240), section 5.

    Args:
        problem: What to train and to test on; more training examples than ``twins``.
        recipe: How to train; no early stop.
        twins: Runs set against the first, at least 1.
        epochs: When to measure, 0 for the initialisation; None for all, or for none where there are ``steps``.
        steps: After which steps to measure as well, 0 for the initialisation.
        seed: Of all runs, and of the places of the examples replaced.
        together: Whether all runs are replicas of one step, or take turns; None takes the faster way, see
            ``gengap.train.faster_together``. With dropout they take turns, as replicas would not share its masks.
        execution: How to compute; None leaves it to ``gengap.train.chosen_execution``.
        start: State dict to begin from; None draws fresh weights.

    Raises:
        InputError: Too few examples, fewer than one twin, an epoch or step that the recipe does not reach, a stop
            rule, replicas with dropout, or training that diverged.
    """
    n = len(problem.train) - twins
    if twins < 1 or n < 1:
        raise InputError(f"{twins} twins and {len(problem.train)} examples.", expected="1 <= twins < examples")
    if recipe.interpolate or recipe.target_loss is not None:
        raise InputError("The recipe stops early.", expected="the same number of steps for all twins")
    times = _times(recipe, n, epochs, steps)
    places = generator(seed, "twins").choice(n, size=twins)
    problems = [problem.take(n), *(replaced(problem, n, int(p), n + k) for k, p in enumerate(places))]
    execution = execution or chosen_execution(problem, recipe, resolve_device("auto"))
    together = _together(problem, recipe, twins + 1, together, execution)
    trios = [(each, recipe, seed) for each in problems]
    parts = [trios] if together else [[trio] for trio in trios]
    trainings = [
        train_steps(part, execution=execution, start=None if start is None else [start] * len(part)) for part in parts
    ]
    watch = _Watch(problems[0], execution)
    for step, states in enumerate(zip(*trainings, strict=True)):
        if step in times:
            watch.measure(step, times[step], states)
        if step == max(times):
            break
    per_epoch = -(-n // recipe.batch_size)
    sizes = np.array([recipe.learning_rate_at(s, per_epoch) for s in range(max(1, *times))])
    return TwinRuns(
        tuple(watch.drifts),
        n,
        twins,
        together,
        sizes,
        recipe.momentum,
        watch.lipschitz,
        max(watch.ratios, default=None),
        recipe.weight_decay,
        watch.weight_norm,
        watch.not_covered,
    )


def _times(recipe: Recipe, n: int, epochs: Sequence[int] | None, steps: Sequence[int] | None) -> dict[int, float]:
    """Step -> the time in epochs."""
    per_epoch = -(-n // recipe.batch_size)
    last = recipe.epochs * per_epoch
    chosen = tuple(range(recipe.epochs + 1)) if epochs is None and steps is None else tuple(epochs or ())
    after = tuple(steps or ())
    if not chosen + after or not all(0 <= epoch <= recipe.epochs for epoch in chosen):
        raise InputError(f"Epochs {list(chosen)}.", expected=f"numbers from 0 to {recipe.epochs}")
    if not all(0 <= step <= last for step in after):
        raise InputError(f"Steps {list(after)}.", expected=f"numbers from 0 to {last}")
    return {step: step / per_epoch for step in sorted({*after, *(epoch * per_epoch for epoch in chosen)})}


def _together(problem: Problem, recipe: Recipe, runs: int, wanted: bool | None, execution: Execution) -> bool:
    with torch.random.fork_rng(devices=[]):
        model = models.build(
            recipe.model, problem.input_shape, problem.n_classes, dropout=recipe.dropout, vocabulary=problem.vocabulary
        )
    drawing = random_layers(model.train())
    if drawing and wanted:
        raise InputError(
            f"Replicas draw different masks of dropout: {listed(drawing)}.",
            expected="twins that differ in one example and in nothing else",
            next_step="give together=False, or no dropout",
        )
    return not drawing and (faster_together(problem, recipe, runs, execution) if wanted is None else wanted)


def replaced(problem: Problem, n: int, place: int, source: int) -> Problem:
    """The first n training examples, with example ``source`` in the place of example ``place``."""
    index = np.arange(n)
    index[place] = source
    step = {"step": "replace", "n": n, "place": place, "source": source}
    return problem.derive(step, train=Split(problem.train.x[index], problem.train.y[index]))


class _Watch:
    """Measures runs against the first of them, time after time."""

    def __init__(self, problem: Problem, execution: Execution):
        self._problem, self._execution = problem, execution
        self._models: list[nn.Module] = []
        self.drifts: list[Drift] = []
        self.lipschitz = self.weight_norm = 0.0
        self.ratios: list[float] = []
        self.not_covered: tuple[str, ...] = ()

    def measure(self, step: int, epoch: float, states: Sequence[Training]) -> None:
        """Adds a drift, and what is seen of the constants.

        Raises:
            InputError: Weights that are not finite.
        """
        if not self._models:
            runs = [run for training in states for run in training.runs]
            self._models = [run.model().to(self._execution.device, self._execution.dtype) for run in runs]
        weights = [t.replicas.weights(r) for t in states for r in range(len(t.replicas))]
        for model, state in zip(self._models, weights, strict=True):
            if not all(value.isfinite().all() for value in state.values()):
                raise InputError(f"Training diverged within {step} steps.", next_step="take a smaller learning rate")
            model.load_state_dict(state)
        few = self._problem.take(min(len(self._problem.train), GRADIENTS), 1)
        x, y = examples(few, slice(None), self._models[0])
        report = gradient_norm_report(self._models[0], x, y)
        self.not_covered = (*report.frozen, *report.unreached)
        self.drifts.append(_drift(self._problem, self._models, epoch, step, self.not_covered))
        self.lipschitz = max(self.lipschitz, float(report.norms.max()))
        self.ratios += _ratios(self._models, x, y)
        weights_now = nn.utils.parameters_to_vector(trainable(self._models[0]).values())
        self.weight_norm = max(self.weight_norm, float(torch.linalg.vector_norm(weights_now.detach().double())))


def _drift(
    problem: Problem, networks: Sequence[nn.Module], epoch: float, steps: int, not_covered: Collection[str]
) -> Drift:
    first, twins = networks[0], networks[1:]
    apart = [distances(first, twin, not_covered) for twin in twins]
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


def distances(first: nn.Module, second: nn.Module, without: Collection[str] = ()) -> dict[str, float]:
    """``||w - w'|| / sqrt(||w||^2 + ||w'||^2)`` by parameter, and over all under the empty name; no frozen ones.

    Args:
        first: A network.
        second: Another with the same parameters.
        without: Names of parameters that are left out.
    """
    parts = {}
    for (name, a), b in zip(first.named_parameters(), second.parameters(), strict=True):
        if name in without or not a.requires_grad:
            continue
        u, v = a.detach().double(), b.detach().double()
        parts[name] = (float((u - v).square().sum()), float(u.square().sum() + v.square().sum()))
    whole = tuple(sum(part[i] for part in parts.values()) for i in range(2))
    return {name: (p[0] / p[1]) ** 0.5 if p[1] else 0.0 for name, p in {**parts, "": whole}.items()}


def _losses(model: nn.Module, problem: Problem, split: str) -> tuple[Tensor, Tensor]:
    """Cross-entropy of each example in nats, and whether it is misclassified."""
    losses, wrong = [], []
    with torch.no_grad():
        for x, y in batches(problem, model, split):  # type: ignore[arg-type]
            scores = model(x).double()
            losses.append(cross_entropies(scores, y))
            wrong.append(scores.argmax(1) != y)
    return torch.cat(losses), torch.cat(wrong)


def _ratios(networks: Sequence[nn.Module], x: Tensor, y: Tensor) -> list[float]:
    """``||grad L(w) - grad L(w')|| / ||w - w'||`` of the mean loss for each twin with other weights than the first."""
    first = nn.utils.parameters_to_vector(networks[0].parameters()).detach().double()
    slope, result = None, []
    for twin in networks[1:]:
        apart = torch.linalg.vector_norm(first - nn.utils.parameters_to_vector(twin.parameters()).detach().double())
        if apart == 0:
            continue
        slope = _slope(networks[0], x, y) if slope is None else slope
        result.append(float(torch.linalg.vector_norm(slope - _slope(twin, x, y)) / apart))
    return result


def _slope(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The gradient of the mean loss, ``[P]``, float64."""
    parameters = list(trainable(model).values())
    slope = torch.zeros(sum(p.numel() for p in parameters), dtype=torch.float64, device=x.device)
    with torch.enable_grad():
        for log_size, gradients in summed_gradients(model(x), y, parameters):
            slope += torch.cat([g.flatten().double() for g in gradients]) * (math.exp(log_size) / len(y))
    return slope
