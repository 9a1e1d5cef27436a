"""Two-phase training: gates are learned from a part of the examples, and weights, with those gates, from all."""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.network.frozen_gates import GatedNetwork
from gengap.network.inputs import batch_rows, network_inputs
from gengap.seeds import stream
from gengap.train.execution import Execution
from gengap.train.loop import Report, train
from gengap.train.recipe import Recipe
from gengap.train.run import Run

EVALUATED = 500  # examples at once

# Fields of a recipe that only phase one has.
_NOT_IN_SECOND = (
    "optimizer",
    "nesterov",
    "winsorize",
    "gradient_clip",
    "loss",
    "label_smoothing",
    "mixup",
    "dropout",
    "random_crop",
    "flip",
    "pad",
    "rotation",
)


@dataclass
class TwoPhaseRun:
    """What two-phase training made of a Problem.

    Attributes:
        first: The run of phase one, on the first ``m_first`` examples.
        model: The network with its gates frozen, after phase two, in evaluation mode.
        m_first: Examples of phase one, alpha m.
        history: A record for each epoch of phase two: ``epoch``, ``train_loss``, ``test_loss``, ``train_accuracy``,
            ``test_accuracy`` and ``running_loss``; phase one's result is epoch 0.
        status: ``done`` or ``diverged``.
        reason: Why it diverged.
        seconds: Of phase two.
    """

    first: Run
    model: GatedNetwork
    m_first: int
    history: list[dict[str, Any]] = field(default_factory=list)
    status: str = "done"
    reason: str = ""
    seconds: float = 0.0

    @property
    def test_accuracy(self) -> float | None:
        """After phase two."""
        accuracy: float | None = self.history[-1]["test_accuracy"]
        return accuracy


@dataclass(frozen=True)
class TwoPhase:
    r"""Two-phase training of Kawaguchi et al. 2017.

    Phase one trains a network on the first :math:`\alpha m` examples. Phase two freezes its gates (the signs of its
    ReLUs and the places of its maxima, as a frozen copy has them for each input) and trains the layers' weights, from
    where phase one left them, on all m examples. The path features do not depend on the other
    :math:`(1 - \alpha) m` examples, which Theorem 8 needs. Batch norm's statistics are frozen with the gates; a network
    whose statistics went on changing would have features that depend on all examples, and Theorem 8 would not apply.

    Source: Kawaguchi, Kaelbling and Bengio 2017 (arXiv:1710.05468), two-phase training procedure. How gates of maximum
    pooling and of batch norm are frozen is ours.

    Attributes:
        alpha: Fraction of the examples that phase one sees, in (0, 1].

    Raises:
        InputError: alpha is out of its range.
    """

    alpha: float

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 1:
            raise InputError(f"alpha = {self.alpha:g}.", expected="a fraction of the examples in (0, 1]")

    def train(
        self,
        problem: Problem,
        recipe: Recipe,
        seed: int = 0,
        *,
        second: Recipe | None = None,
        execution: Execution | None = None,
        report: Report | None = None,
    ) -> TwoPhaseRun:
        """Both phases.

        Args:
            problem: S and a test split; S should be in random order.
            recipe: Of phase one.
            seed: At least 0.
            second: Of phase two: its learning rate, momentum, decay, batch size, weight decay, epochs and stop rules;
                None for the same. Its model counts for nothing.
            execution: How phase one is computed; phase two follows its device, in float32 or float64.
            report: Called after each epoch of either phase, with epochs done, epochs at most, and a short text.

        Raises:
            InputError: A recipe that its Problem does not allow, or a network that is not affine with its gates frozen.
        """
        _check_second(second or recipe)
        m_first = max(1, round(self.alpha * len(problem.train)))
        first = train(problem.take(m_first), recipe, seed, execution=execution, report=report)
        device, dtype = torch.device(first.execution.device), _float(first.execution)
        start = first.model().to(device, dtype)
        few = network_inputs(problem.train.x[:4], problem.preprocessing, next(start.parameters()))
        run = TwoPhaseRun(first, GatedNetwork(start, few), m_first)
        if first.status == "done":
            _Second(problem, second or recipe, seed, run).train(report)
        else:
            run.status, run.reason = first.status, f"phase one: {first.reason}"
            run.history.append(_Second(problem, recipe, seed, run).record(0))
        return run


def _check_second(recipe: Recipe) -> None:
    """Raises InputError for a recipe that asks of phase two what it does not do."""
    for name in _NOT_IN_SECOND:
        if getattr(recipe, name) != type(recipe).model_fields[name].default:
            raise InputError(
                f"Phase two has no {name}, which the recipe sets to {getattr(recipe, name)!r}.",
                expected="SGD with momentum on the cross entropy of whole, unchanged inputs",
                next_step="give phase two a recipe of its own with second=",
            )


class _Second:
    """Phase two: SGD with momentum on the weights of the gated network.

    Args:
        problem: The data.
        recipe: How.
        seed: Of the order of examples.
        run: What is filled.
    """

    def __init__(self, problem: Problem, recipe: Recipe, seed: int, run: TwoPhaseRun):
        self.problem, self.recipe, self.seed, self.run = problem, recipe, seed, run
        self.like = next(run.model.network.parameters())
        self.train_x, self.train_y = self._tensors(problem.train)
        self.test_x, self.test_y = self._tensors(problem.test)

    def _tensors(self, split: Split) -> tuple[Tensor, Tensor]:
        return network_inputs(split.x, self.problem.preprocessing, self.like), torch.tensor(split.y).to(
            self.like.device
        )

    def train(self, report: Report | None) -> None:
        """All epochs, until a stop rule of the recipe holds or the loss is not finite."""
        recipe, run, started = self.recipe, self.run, time.perf_counter()
        run.history.append(self.record(0))
        parameters = [p for p in run.model.network.parameters() if p.requires_grad]
        optimiser = torch.optim.SGD(
            parameters, lr=recipe.learning_rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        )
        step = 0
        for epoch in range(1, recipe.epochs + 1):
            step, loss = self._epoch(epoch, step, optimiser)
            run.history.append(self.record(epoch) | {"running_loss": loss})
            last = run.history[-1]
            if report is not None:
                report(epoch, recipe.epochs, f"phase two, loss {loss:.3f}")
            if not math.isfinite(last["train_loss"]):
                run.status, run.reason = "diverged", f"the loss of phase two is not finite in epoch {epoch}"
                break
            if recipe.target_loss is not None and last["train_loss"] <= recipe.target_loss:
                break
            if recipe.interpolate and last["train_accuracy"] == 1:
                break
        run.seconds = time.perf_counter() - started

    def _epoch(self, epoch: int, step: int, optimiser: torch.optim.SGD) -> tuple[int, float]:
        n, recipe = len(self.train_y), self.recipe
        generator = torch.Generator().manual_seed(stream(self.seed, "phase two", epoch))
        order, total = torch.randperm(n, generator=generator), 0.0
        self.run.model.train()
        for rows in batch_rows(n, recipe.batch_size):
            index = order[rows].to(self.train_y.device)
            for group in optimiser.param_groups:
                group["lr"] = recipe.learning_rate_at(step, math.ceil(n / recipe.batch_size))
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(self.run.model(self.train_x[index]), self.train_y[index])
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimiser.step()
            total += float(loss.detach()) * len(index)
            step += 1
        return step, total / n

    def record(self, epoch: int) -> dict[str, Any]:
        """Losses and accuracies on both splits."""
        self.run.model.eval()
        row: dict[str, Any] = {"epoch": epoch}
        for name, x, y in (("train", self.train_x, self.train_y), ("test", self.test_x, self.test_y)):
            with torch.no_grad():
                scores = torch.cat([self.run.model(x[rows]) for rows in batch_rows(len(y), EVALUATED)]).double()
            row[f"{name}_loss"] = float(nn.functional.cross_entropy(scores, y))
            row[f"{name}_accuracy"] = float((scores.argmax(1) == y).double().mean())
        return row


def _float(execution: Execution) -> torch.dtype:
    return torch.float64 if execution.precision == "float64" else torch.float32
