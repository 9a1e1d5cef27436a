"""Networks with one hidden layer, trained by plain SGD on whole arrays, as the studies of width need them."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.network.inputs import batch_rows
from gengap.seeds import stream

Loss = Callable[[Tensor, Tensor], Tensor]
LINEAR_FROM = -11.0  # where the truncated exponential turns into a parabola
ZERO_FROM = -13.0  # and below which it is 0


def truncated_cross_entropy(scores: Tensor, y: Tensor) -> Tensor:
    r"""Mean of :math:`\ln \sum_i f(s_i - s_y)`, which is 0 where every margin is at least 13.

    f is the exponential above -11, and :math:`e^{-11} (x + 13)_+^2 / 4` below, which continues it smoothly to 0.

    Source: Neyshabur, Tomioka and Srebro 2015 (arXiv:1412.6614), section 2.

    Args:
        scores: ``[N, C]``.
        y: Class indices ``[N]``.

    >>> float(truncated_cross_entropy(torch.tensor([[13.0, 0.0]]), torch.tensor([0])))
    0.0
    """
    differences = scores - scores.gather(1, y[:, None])
    largest = differences.detach().amax(1, keepdim=True).clamp_min(0)  # 0 at the least, that of the label itself
    parabola = math.exp(LINEAR_FROM) / 4 * (differences - ZERO_FROM).clamp_min(0).square()
    values = torch.where(
        differences >= LINEAR_FROM, (differences - largest).exp(), parabola.clamp_max(1.0) * (-largest).exp()
    )
    return (values.sum(1).log() + largest[:, 0]).mean()


class Step(NamedTuple):
    """Learning rate and momentum of an epoch."""

    rate: float
    momentum: float


def neyshabur2015_step(epoch: int) -> Step:
    """Learning rate 0.1, times 0.99 after each epoch; momentum 0.5, 0.02 more after each, up to 0.9.

    Source: Neyshabur, Tomioka and Srebro 2015 (arXiv:1412.6614), section 2.

    Args:
        epoch: From 0.
    """
    return Step(0.1 * 0.99**epoch, min(0.9, 0.5 + 0.02 * epoch))


@dataclass
class WidthRun:
    """A network with one hidden layer after training.

    Attributes:
        model: Trained.
        initial: As it was before.
        epochs: How many it took.
        converged: Whether the loss reached its target.
        history: After each epoch: ``loss`` (running), and what ``measure`` gave.
    """

    model: nn.Sequential
    initial: nn.Sequential
    epochs: int = 0
    converged: bool = False
    history: list[dict[str, float]] = field(default_factory=list)


def hidden_layer(D: int, H: int, C: int, seed: int, *, bias: bool = True, std: float | None = None) -> nn.Sequential:
    """``Linear(D, H)``, ReLU, ``Linear(H, C)``.

    Args:
        D: Inputs.
        H: Hidden units.
        C: Outputs.
        seed: Of the initial weights.
        bias: Whether layers have one.
        std: Standard deviation of Gaussian weights times the root of their number into a unit; None leaves them to
            PyTorch.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(seed, "initialisation", H))
        model = nn.Sequential(nn.Linear(D, H, bias=bias), nn.ReLU(), nn.Linear(H, C, bias=bias))
        if std is not None:
            for layer in (model[0], model[2]):
                nn.init.normal_(layer.weight, std=std / math.sqrt(layer.in_features))  # type: ignore[arg-type]
    return model


def train_hidden_layer(
    model: nn.Sequential,
    x: Tensor,
    y: Tensor,
    *,
    loss: Loss,
    step: Callable[[int], Step],
    epochs: int,
    target: float,
    seed: int,
    batch_size: int = 64,
    weight_decay: float = 0.0,
    measure: Callable[[nn.Module], dict[str, float]] | None = None,
) -> WidthRun:
    """SGD with momentum until the running loss of an epoch is at most ``target``.

    Args:
        model: From ``hidden_layer``; a copy is trained.
        x: ``[N, D]``.
        y: Class indices ``[N]``.
        loss: Of scores and labels.
        step: From the number of an epoch, from 0, to its learning rate and momentum.
        epochs: At most, at least 1.
        target: At least 0.
        seed: Of the order of examples.
        batch_size: At least 1.
        weight_decay: Added to the gradient, times the weights.
        measure: What else is noted after each epoch.

    Raises:
        InputError: A number out of its range, or a loss that is no longer finite.
    """
    if epochs < 1 or batch_size < 1 or not target >= 0:
        raise InputError(
            f"epochs = {epochs}, batch_size = {batch_size}, target = {target:g}.", expected="at least 1, 1 and 0"
        )
    run = WidthRun(copy.deepcopy(model), copy.deepcopy(model))
    optimiser = torch.optim.SGD(run.model.parameters(), lr=step(0).rate, weight_decay=weight_decay)
    for epoch in range(epochs):
        for group in optimiser.param_groups:
            group["lr"], group["momentum"] = step(epoch)
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(stream(seed, "order", epoch)))
        total = 0.0
        for rows in batch_rows(len(x), batch_size):
            index = order[rows]
            optimiser.zero_grad()
            value = loss(run.model(x[index]), y[index])
            value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimiser.step()
            total += float(value.detach()) * len(index)
        run.epochs = epoch + 1
        run.history.append({"loss": total / len(x), **(measure(run.model) if measure else {})})
        if not math.isfinite(total):
            raise InputError(f"The loss is not finite in epoch {epoch + 1}.", expected="a smaller learning rate")
        if total / len(x) <= target:
            run.converged = True
            break
    return run
