"""Networks with one hidden layer, trained by plain SGD on whole arrays, as the studies of width need them."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import vmap

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
    (run,) = train_hidden_layers(
        [model],
        *(x[None], y[None]),
        loss=loss,
        step=step,
        epochs=epochs,
        target=target,
        seed=seed,
        batch_size=batch_size,
        weight_decays=[weight_decay],
        measure=None if measure is None else lambda _, trained: measure(trained),
    )
    return run


def train_hidden_layers(
    models: Sequence[nn.Sequential],
    x: Tensor,
    y: Tensor,
    *,
    loss: Loss,
    step: Callable[[int], Step],
    epochs: int,
    target: float,
    seed: int,
    batch_size: int = 64,
    weight_decays: Sequence[float] = (),
    measure: Callable[[int, nn.Module], dict[str, float]] | None = None,
) -> list[WidthRun]:
    """R networks of one width, each as ``train_hidden_layer`` trains it, at once: small ones cost little more than one.

    All see the numbers of their examples in the same order. Each ends where its own loss reaches the target.

    Args:
        models: R networks from ``hidden_layer``, equal but for their weights; copies are trained.
        x: ``[R, N, D]``.
        y: Class indices ``[R, N]``.
        loss: Of the scores and labels of one network.
        step: As in ``train_hidden_layer``, and so ``epochs``, ``target``, ``seed`` and ``batch_size``.
        epochs: Likewise.
        target: Likewise.
        seed: Likewise.
        batch_size: Likewise.
        weight_decays: One a network; empty for none.
        measure: What else is noted after each epoch, from a network's number and the network.

    Raises:
        InputError: A number out of its range, or a loss that is no longer finite.
    """
    if epochs < 1 or batch_size < 1 or not target >= 0:
        raise InputError(
            f"epochs = {epochs}, batch_size = {batch_size}, target = {target:g}.", expected="at least 1, 1 and 0"
        )
    runs = [WidthRun(copy.deepcopy(model), copy.deepcopy(model)) for model in models]
    stack = _Stack(
        models, x, y, torch.tensor(list(weight_decays) or [0.0] * len(models), dtype=x.dtype, device=x.device)
    )
    for epoch in range(epochs):
        order = torch.randperm(x.shape[1], generator=torch.Generator().manual_seed(stream(seed, "order", epoch)))
        totals = sum(
            stack.update(order[rows], loss, step(epoch)) * (rows.stop - rows.start)
            for rows in batch_rows(len(order), batch_size)
        )
        going = []
        for place, (index, total) in enumerate(zip(stack.indices, (totals / len(order)).tolist(), strict=True)):
            run = runs[index]
            stack.show(place, run.model)
            run.epochs, run.converged = epoch + 1, total <= target
            run.history.append({"loss": total, **(measure(index, run.model) if measure else {})})
            if not math.isfinite(total):
                raise InputError(f"The loss is not finite in epoch {epoch + 1}.", expected="a smaller learning rate")
            if not run.converged:
                going.append(place)
        if not going:
            break
        stack.keep(going)
    return runs


class _Stack:
    """Networks with one hidden layer in training; the number of networks leads every tensor.

    Attributes:
        indices: Which of the networks are still in training.
    """

    def __init__(self, models: Sequence[nn.Sequential], x: Tensor, y: Tensor, weight_decays: Tensor):
        self.indices = list(range(len(models)))
        self.x, self.y, self.weight_decays = x, y, weight_decays
        named = [dict(model.named_parameters()) for model in models]
        self.weights = {name: torch.stack([one[name].detach() for one in named]).requires_grad_() for name in named[0]}
        self.momenta = {name: torch.zeros_like(weight) for name, weight in self.weights.items()}

    def update(self, rows: Tensor, loss: Loss, step: Step) -> Tensor:
        """One step of SGD on the same rows of each network's examples; returns the losses before it ``[R]``."""
        y = self.y[:, rows]
        scores = self._linear("2", self._linear("0", self.x[:, rows]).relu())
        losses = loss(scores[0], y[0])[None] if len(y) == 1 else vmap(loss)(scores, y)
        gradients = torch.autograd.grad(losses.sum(), list(self.weights.values()))
        with torch.no_grad():
            for (name, weight), gradient in zip(self.weights.items(), gradients, strict=True):
                decays = self.weight_decays.view(-1, *[1] * (weight.ndim - 1))
                momentum = self.momenta[name].mul_(step.momentum).add_(gradient).addcmul_(weight, decays)
                weight.sub_(momentum, alpha=step.rate)
        return losses.detach()

    def _linear(self, layer: str, x: Tensor) -> Tensor:
        weight, bias = self.weights[f"{layer}.weight"].transpose(1, 2), self.weights.get(f"{layer}.bias")
        return x @ weight if bias is None else torch.baddbmm(bias[:, None], x, weight)

    @torch.no_grad()
    def show(self, place: int, model: nn.Module) -> None:
        """Gives a module the weights of one network."""
        for name, parameter in model.named_parameters():
            parameter.copy_(self.weights[name][place])

    def keep(self, places: list[int]) -> None:
        """Drops all networks but those at some places."""
        if len(places) == len(self.indices):
            return
        self.indices = [self.indices[place] for place in places]
        self.x, self.y, self.weight_decays = self.x[places], self.y[places], self.weight_decays[places]
        self.weights = {name: value.detach()[places].requires_grad_() for name, value in self.weights.items()}
        self.momenta = {name: value[places] for name, value in self.momenta.items()}
