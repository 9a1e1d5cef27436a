"""How much the loss depends on each training input, through training."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.func import functional_call

from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.network.copies import unwrapped
from gengap.network.gradients import (
    NO_GRADIENT,
    Loss,
    available_bytes,
    check_examples,
    check_independent,
    check_scores,
    example_losses,
    reached,
    saturated,
    saturation_reason,
    trainable,
    without_gradient,
)
from gengap.network.second_derivatives import (
    check_second_derivatives,
    gradient_of,
    product,
    twice_differentiable,
)
from gengap.probes.input_gradients import ROWS, check_floats, no_input_gradient
from gengap.seeds import stream


class LossSensitivity(NamedTuple):
    """How much the mean loss after training depends on each training input.

    Attributes:
        steps: After how many steps of SGD each row was measured, ``[T]``.
        values: ``||d L_t / d x_n||_1``, ``[T, N]``; exactly 0 for an example that no step before t has used.
        losses: The mean loss L_t over all examples, ``[T]``.
        accuracies: Of the N examples, ``[T]``.
        weights: The network's weights after the last step, by name.
        saturated: Share of the examples whose cross entropy has no gradient in the network's type, ``[T]``; 0 for
            another loss.
        reason: Which values these examples make too small, or that all are 0; None for none.
        not_covered: Parameters that no step trains: frozen ones, and those on which the loss does not depend.
        by_class: ``||d L_t^i / d x_n||_1``, mean over the examples n of class j, ``[T, C, C]`` by i and j, where L_t^i
            is the part of L_t that examples of class i make; None unless it was asked for.
    """

    steps: tuple[int, ...]
    values: Floats
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    weights: dict[str, Tensor]
    saturated: tuple[float, ...]
    reason: str | None
    not_covered: tuple[str, ...] = ()
    by_class: Floats | None = None

    @property
    def mean(self) -> Floats:
        """The mean over the measured steps, ``[N]``."""
        mean: Floats = self.values.mean(axis=0)
        return mean

    @property
    def gini(self) -> tuple[float, ...]:
        """The Gini coefficient over the examples after each of the measured steps, ``[T]``."""
        return tuple(gini(row) for row in self.values)


def loss_sensitivity(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: Loss = nn.functional.cross_entropy,
    *,
    lr: float,
    steps: Sequence[int],
    batch_size: int = 128,
    window: int | None = None,
    by_class: bool = False,
    seed: int = 0,
) -> LossSensitivity:
    r"""How the mean loss after t steps of SGD changes with each training input that those steps used.

    SGD starts from the network's weights. With :math:`\lambda_t = \nabla L(\theta_t)` the steps are differentiated
    backwards: :math:`\lambda_s = \lambda_{s+1} - \eta H_s \lambda_{s+1}`, and
    :math:`dL_t/dx_n = -\eta \sum_s \partial_x \langle \nabla_\theta \ell_s, \lambda_{s+1} \rangle` over the steps that
    used the example. This is exact, and needs the weights of each step but no unrolled graph. That the mean loss is
    taken over the same inputs does not enter: see ``input_gradient_norms`` for the gradient of a loss by its own input.

    Source: Arpit et al. 2017 (arXiv:1706.05394v2), section 3.2; by class section 3.3.

    Args:
        model: A network that returns one tensor of scores, in the mode that it is in; it stays as it is.
        x: Inputs ``[N, ...]`` of floats.
        y: Labels ``[N]``.
        loss: From scores and labels of a batch to one number.
        lr: Learning rate of plain SGD.
        steps: After how many steps to measure, in ascending order.
        batch_size: Examples of a minibatch; orders are drawn anew each epoch, a last smaller minibatch is left out.
        window: Only the last so many steps are differentiated; None for all.
        by_class: Whether to have the sensitivity of each class's loss to the inputs of each class too, at the cost of
            going back once for each class.
        seed: Of the orders.

    Raises:
        InputError: An argument out of its range, inputs that are no floats, weights of all steps that do not fit in
            memory, training that diverged, scores without a gradient by the inputs, a layer that mixes the examples of
            a batch or draws at random, second derivatives that an operation lacks or that are wrong, or labels that
            are no class indices from 0 with an example of each, where ``by_class`` asks for them.
    """
    model = unwrapped(model)
    x, y = check_examples(model, x, y)
    _check(x, lr, steps, batch_size, window)
    with twice_differentiable(model):
        check_independent(model, x, random=False)
        with torch.no_grad():
            check_scores(model(x[:ROWS]), ruled_out=True)
        first = x[:batch_size], y[:batch_size]

        def mean(scores: Tensor, labels: Tensor) -> Tensor:
            return example_losses(loss, scores, labels).mean()

        fixed = without_gradient(model, *first, mean)
        _check_reached(model, first[0], fixed)
        parameters = {name: p.detach().clone() for name, p in trainable(model).items()}
        _check_memory(parameters, min(steps[-1], window or steps[-1]))
        moving = [name for name in parameters if name not in fixed]
        for by_inputs in (False, True):
            check_second_derivatives(model, *first, mean, moving, by_inputs=by_inputs)
        return _measured(model, x, y, loss, parameters, fixed, lr, steps, batch_size, window, by_class, seed)


def gini(values: ArrayLike) -> float:
    """The Gini coefficient ``sum_i sum_j |v_i - v_j| / (2 n^2 mean)``: 0 where all are equal, near 1 where one has all.

    Args:
        values: At least one number, none below 0, not all 0.

    Raises:
        InputError: A number below 0 or not finite, or none above 0.

    >>> gini([1.0, 1.0, 1.0]), gini([0.0, 0.0, 3.0])
    (0.0, 0.6666666666666666)
    """
    v = np.sort(np.asarray(values, dtype=np.float64).ravel())
    if not v.size or not np.isfinite(v).all() or v[0] < 0 or v[-1] == 0:
        raise InputError("A Gini coefficient of these values is not defined.", expected="numbers from 0, not all 0")
    n = len(v)
    return float(((2 * np.arange(1, n + 1) - n - 1) * v).sum() / (n * v.sum()))


def _measured(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: Loss,
    parameters: dict[str, Tensor],
    fixed: tuple[str, ...],
    lr: float,
    steps: Sequence[int],
    batch_size: int,
    window: int | None,
    by_class: bool,
    seed: int,
) -> LossSensitivity:
    """What ``loss_sensitivity`` returns, of arguments that have been checked."""

    def mean_loss(weights: dict[str, Tensor], a: Tensor, b: Tensor) -> Tensor:
        return example_losses(loss, functional_call(model, weights, (a,), tie_weights=True), b).mean()

    classes = _classes(y) if by_class else 0
    trajectory: dict[int, tuple[dict[str, Tensor], Tensor]] = {}
    tables: list[Floats] = []
    rows, losses, accuracies, lost = [], [], [], []
    order = _orders(len(y), batch_size, seed, steps[-1])
    for s, index in enumerate(order):
        trajectory[s] = (parameters, index)
        if window is not None:
            trajectory.pop(s - window, None)
        parameters = _stepped(parameters, mean_loss, x[index], y[index], lr)
        if s + 1 in steps:
            value, accuracy, slope, share = _evaluated(model, loss, parameters, x, y)
            if not np.isfinite(value):
                raise InputError(f"Training diverged before step {s + 1}.", next_step="take a smaller learning rate")
            losses.append(value)
            accuracies.append(accuracy)
            lost.append(share)
            rows.append(_through_training(trajectory, s + 1, slope, mean_loss, x, y, lr))
            if by_class:
                slopes = [_class_slope(model, loss, parameters, x, y, c) for c in range(classes)]
                norms = [_through_training(trajectory, s + 1, slope, mean_loss, x, y, lr) for slope in slopes]
                tables.append(_means(np.stack(norms), y, classes))
    weights = {name: p.detach() for name, p in parameters.items()}
    values = np.stack(rows)
    reason = saturation_reason(max(lost), "loss sensitivities") or (None if values.any() else NO_GRADIENT)
    return LossSensitivity(
        tuple(steps),
        values,
        tuple(losses),
        tuple(accuracies),
        weights,
        tuple(lost),
        reason,
        fixed,
        np.stack(tables) if by_class else None,
    )


def _check(x: Tensor, lr: float, steps: Sequence[int], batch_size: int, window: int | None) -> None:
    check_floats(x)
    if not steps or list(steps) != sorted(set(steps)) or steps[0] < 1 or (window is not None and window < 1):
        raise InputError(f"steps = {list(steps)}, window = {window}.", expected="ascending numbers from 1")
    if not 1 <= batch_size <= len(x):
        raise InputError(
            f"A minibatch of {batch_size} of {len(x)} examples.", expected=f"a batch_size from 1 to {len(x)}"
        )
    if not (np.isfinite(lr) and lr > 0):
        raise InputError(f"lr = {lr:g}.", expected="a learning rate above 0")


def _check_reached(model: nn.Module, x: Tensor, fixed: Sequence[str]) -> None:
    with torch.enable_grad():
        a = x.detach().clone().requires_grad_()
        if not reached(model(a), {"x": a}):
            raise no_input_gradient(fixed)


def _check_memory(parameters: dict[str, Tensor], count: int) -> None:
    needed = count * sum(p.numel() * p.element_size() for p in parameters.values())
    there = available_bytes(next(iter(parameters.values())).device)
    if needed > there:
        raise InputError(
            f"The weights of {count:,} steps take {needed:,} bytes, and {there:,} are free.",
            expected="weights that fit in memory",
            next_step="give a window: only so many of the last steps are differentiated",
        )


def _orders(N: int, batch_size: int, seed: int, count: int) -> list[Tensor]:
    """The indices of each minibatch."""
    result: list[Tensor] = []
    epoch = 0
    while len(result) < count:
        epoch += 1
        drawn = torch.randperm(N, generator=torch.Generator().manual_seed(stream(seed, "sensitivity order", epoch)))
        result += [part for part in torch.split(drawn, batch_size) if len(part) == batch_size]
    return result[:count]


def _stepped(parameters: dict[str, Tensor], mean_loss: Loss, a: Tensor, b: Tensor, lr: float) -> dict[str, Tensor]:
    live = {name: p.requires_grad_() for name, p in parameters.items()}
    with torch.enable_grad():
        gradients = torch.autograd.grad(mean_loss(live, a, b), list(live.values()), materialize_grads=True)
    return {name: (p - lr * g).detach() for (name, p), g in zip(live.items(), gradients, strict=True)}


def _evaluated(
    model: nn.Module, loss: Loss, parameters: dict[str, Tensor], x: Tensor, y: Tensor
) -> tuple[float, float, list[Tensor], float]:
    """Mean loss, accuracy, the gradient of the mean loss, and the share of saturated examples."""
    live = {name: p.requires_grad_() for name, p in parameters.items()}
    slope = [torch.zeros_like(p) for p in live.values()]
    total, hits, lost = 0.0, 0, 0
    for start in range(0, len(y), ROWS):
        a, b = x[start : start + ROWS], y[start : start + ROWS]
        with torch.enable_grad():
            scores = functional_call(model, live, (a,), tie_weights=True)
            part = example_losses(loss, scores, b).sum() / len(y)
            gradients = torch.autograd.grad(part, list(live.values()), materialize_grads=True)
        slope = [old + new for old, new in zip(slope, gradients, strict=True)]
        total += float(part.detach())
        lost += saturated(loss, scores, b)
        hits += int((scores.argmax(-1) == b).sum()) if b.ndim == 1 else 0
    return total, hits / len(y), slope, lost / len(y)


def _classes(y: Tensor) -> int:
    """The number of classes, of each of which there is an example."""
    known = torch.unique(y) if y.ndim == 1 and y.dtype == torch.int64 else y.new_empty(0)
    if not len(known) or known.tolist() != list(range(len(known))):
        raise InputError("The labels are no classes.", expected="class indices from 0, with an example of each")
    return len(known)


def _class_slope(
    model: nn.Module, loss: Loss, parameters: dict[str, Tensor], x: Tensor, y: Tensor, c: int
) -> list[Tensor]:
    """The gradient of the part of the mean loss that examples of one class make."""
    own = y == c
    _, _, slope, _ = _evaluated(model, loss, parameters, x[own], y[own])
    return [g * (float(own.sum()) / len(y)) for g in slope]


def _means(norms: Floats, y: Tensor, classes: int) -> Floats:
    """Norms ``[C, N]`` as means over the examples of each class, ``[C, C]``."""
    labels = y.cpu().numpy()
    return np.stack([norms[:, labels == c].mean(1) for c in range(classes)], axis=1)


def _through_training(
    trajectory: dict[int, tuple[dict[str, Tensor], Tensor]],
    t: int,
    slope: list[Tensor],
    mean_loss: Loss,
    x: Tensor,
    y: Tensor,
    lr: float,
) -> Floats:
    """``||d L_t / d x_n||_1`` for each example, going back through the steps that are there."""
    gradient = torch.zeros_like(x)
    for s in sorted((s for s in trajectory if s < t), reverse=True):
        parameters, index = trajectory[s]
        live = {name: p.requires_grad_() for name, p in parameters.items()}
        a = x[index].detach().requires_grad_()
        with torch.enable_grad():
            first = gradient_of(mean_loss(live, a, y[index]), list(live.values()))
            *curved, of_inputs = product(first, [*live.values(), a], slope)
        slope = [v - lr * c for v, c in zip(slope, curved, strict=True)]
        gradient.index_add_(0, index.to(x.device), of_inputs, alpha=-lr)
    result: Floats = gradient.double().flatten(1).abs().sum(1).cpu().numpy()
    return result
