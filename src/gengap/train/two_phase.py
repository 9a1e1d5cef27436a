"""Two-phase training: gates are learned from a part of the examples, and weights, with those gates, from all."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gengap.arguments import real_number
from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.network.frozen_gates import GatedNetwork
from gengap.network.inputs import batch_rows, network_inputs
from gengap.seeds import stream
from gengap.train.execution import Execution
from gengap.train.loop import Report, train
from gengap.train.recipe import Recipe
from gengap.train.run import Run

NOT_IN_PHASE_TWO = (
    *("loss", "label_smoothing", "gradient_clip", "winsorize", "darc1", "dropout", "random_crop", "flip", "pad"),
    *("rotation", "mixup"),
)
EVALUATED = 500  # examples at once


@dataclass
class TwoPhaseRun:
    """What two-phase training made of a Problem.

    Attributes:
        first: The run of phase one, on the first ``m_first`` examples.
        model: The network with its gates frozen, after phase two, in evaluation mode.
        m_first: Examples of phase one, alpha m.
        history: A record for each epoch of phase two that the recipe evaluates, the last among them: ``epoch``,
            ``train_loss``, ``test_loss``, ``train_accuracy``, ``test_accuracy`` and ``running_loss``; phase one's
            result is epoch 0.
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
        InputError: alpha is no number, or out of its range.
    """

    alpha: float

    def __post_init__(self) -> None:
        real_number(self.alpha, "alpha", above=0, most=1)

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
            second: Of phase two: optimizer, schedule, batch size, weight decay, epochs and stop rules; None for the
                same. Its model counts for nothing. Phase two has plain cross entropy and images as they are, without
                dropout.
            execution: How phase one is computed; phase two follows its device, in float32 or float64.
            report: Called after each epoch of either phase, with epochs done, epochs at most, and a short text.

        Raises:
            InputError: A recipe that its Problem does not allow, one of phase two that asks for anything else, or a
                network that is not affine with its gates frozen.
        """
        _check_plain(second or recipe)
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


class _Second:
    """Phase two: the recipe's optimizer on the weights of the gated network.

    Args:
        problem: The data.
        recipe: How.
        seed: Of the order of examples.
        run: What is filled.
    """

    def __init__(self, problem: Problem, recipe: Recipe, seed: int, run: TwoPhaseRun):
        self.problem, self.recipe, self.seed, self.run = problem, recipe, seed, run
        self.parameters = [p for p in run.model.network.parameters() if p.requires_grad]
        self.like, self.optimizer = self.parameters[0], recipe.make_optimizer()
        self.state = [{slot: torch.zeros_like(p) for slot in self.optimizer.slots} for p in self.parameters]
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
        for epoch in range(1, recipe.epochs + 1):
            loss = self._epoch(epoch)
            if report is not None:
                report(epoch, recipe.epochs, f"phase two, loss {loss:.3f}")
            if epoch % recipe.evaluate_every and epoch < recipe.epochs and math.isfinite(loss):
                continue
            run.history.append(self.record(epoch) | {"running_loss": loss})
            last = run.history[-1]
            if not (math.isfinite(loss) and math.isfinite(last["train_loss"])):
                run.status, run.reason = "diverged", f"the loss of phase two is not finite in epoch {epoch}"
                break
            if recipe.target_loss is not None and last["train_loss"] <= recipe.target_loss:
                break
            if recipe.interpolate and last["train_accuracy"] == 1:
                break
        run.seconds = time.perf_counter() - started

    def _epoch(self, epoch: int) -> float:
        """One epoch of the recipe's optimizer; returns the mean loss over its minibatches."""
        generator = torch.Generator().manual_seed(stream(self.seed, "phase two", epoch))
        order, total = torch.randperm(len(self.train_y), generator=generator), 0.0
        batches = batch_rows(len(order), self.recipe.batch_size)
        self.run.model.train()
        for number, rows in enumerate(batches, start=(epoch - 1) * len(batches)):
            index = order[rows].to(self.train_y.device)
            loss = nn.functional.cross_entropy(self.run.model(self.train_x[index]), self.train_y[index])
            gradients = torch.autograd.grad(loss, self.parameters, materialize_grads=True)
            self._update(gradients, number, self.recipe.learning_rate_at(number, len(batches)))
            total += float(loss.detach()) * len(index)
        return total / len(order)

    @torch.no_grad()
    def _update(self, gradients: Sequence[Tensor], number: int, rate: float) -> None:
        decay = torch.tensor(self.recipe.weight_decay, dtype=self.like.dtype, device=self.like.device)
        rates = torch.full_like(decay, rate)
        for weight, gradient, state in zip(self.parameters, gradients, self.state, strict=True):
            self.optimizer.update(weight, gradient, state, rates, decay if decay else None, number)

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


def _check_plain(recipe: Recipe) -> None:
    """Raises InputError where a recipe asks for what phase two does not have."""
    asked = [name for name in NOT_IN_PHASE_TWO if getattr(recipe, name) != Recipe.model_fields[name].default]
    if asked:
        raise InputError(
            f"Phase two has no {', '.join(asked)}.",
            expected="plain cross entropy of images as they are, without dropout",
            next_step="second=… is a recipe for phase two alone",
        )


def _float(execution: Execution) -> torch.dtype:
    return torch.float64 if execution.precision == "float64" else torch.float32
