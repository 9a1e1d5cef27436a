"""One forward and one backward pass: the calls that applied parameters, and the gradients that arrive at them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gengap.network.gradients.attribution import random_weights
from gengap.network.gradients.calls import Call, Target, reached, watched
from gengap.network.gradients.checks import NotFiniteError
from gengap.network.gradients.losses import Loss, example_losses
from gengap.network.gradients.scaled import ScaledLosses, scaled_losses
from gengap.network.gradients.totals import backward, with_total


class BackwardPass(NamedTuple):
    """What a pass over N examples gives.

    Attributes:
        calls: The operations that applied a watched parameter, in order.
        gradients: Of the summed losses with respect to the output of each call.
        scores: ``[N, ...]``.
        losses: With the scales by which the gradients are divided.
        total: Parameter's name -> the sum of the gradients over ``exp(log_total)``; empty unless asked for.
        log_total: Its scale.
        others: Names of parameters in the graph of the losses apart from the calls.
        weighted: As ``gradients``, of the losses times ``random_weights``; None unless it was asked for or the network
            may have moved rows.
    """

    calls: list[Call]
    gradients: list[Tensor]
    scores: Tensor
    losses: ScaledLosses
    total: dict[str, Tensor]
    log_total: float
    others: list[str]
    weighted: Sequence[Tensor | None] | None


def backward_pass(
    network: Callable[[Tensor], Tensor],
    parameters: Mapping[str, Tensor],
    ruled: Mapping[str, Tensor],
    loss: Loss,
    x: Tensor,
    y: Tensor,
    *,
    total: Sequence[str] = (),
    scaled: bool = False,
    weighted: bool = False,
) -> BackwardPass:
    """One pass over a batch.

    Args:
        network: From inputs to scores.
        parameters: All that ask for a gradient, by name.
        ruled: Those whose calls are watched.
        loss: From scores and labels of a batch to one number.
        x: Inputs ``[N, ...]``.
        y: Labels ``[N, ...]``.
        total: Names of the parameters with respect to which the gradients are summed too.
        scaled: Whether gradients of a cross entropy are divided by a scale of each example.
        weighted: Whether to have the gradients of weighted losses too, even if nothing in the network moves rows.

    Raises:
        NotFiniteError: Losses that are NaN or infinite.
    """
    with torch.enable_grad():
        scores, watch = watched(network, x, ruled)
        if scaled:
            losses = scaled_losses(loss, scores, y)
        else:
            values = example_losses(loss, scores, y)
            losses = ScaledLosses(values.detach(), values, torch.zeros(len(y), dtype=torch.float64, device=x.device))
        _check_losses(losses.losses)
        others = reached(losses.values, parameters)
        edges = [call.edge for call in watch.calls]
        sums: dict[str, Tensor] = {}
        log_total = 0.0
        weighted = (weighted or watch.moves_rows) and len(y) > 1
        sizes = losses.log_scales
        if total:
            leaves = {target: leaf for target, leaf in watch.stand_ins.items() if target.name in total}
            leaves |= {whole_target(name, parameters[name]): parameters[name] for name in total if name not in ruled}
            losses, gradients, parts, log_total = with_total(losses, edges, leaves, retain=weighted)
            sums = _by_name(parts, {name: parameters[name] for name in total})
        else:
            gradients = backward(losses.values.sum(), edges, retain=weighted)
        other = None
        if weighted:
            factors = torch.where(sizes > -torch.inf, (sizes - losses.log_scales).exp(), 0.0)
            weights = random_weights(len(y), factors) * factors
            other = backward((losses.values * weights.to(losses.values.dtype)).sum(), edges, retain=False)
    arrived = [
        torch.zeros(call.shape, dtype=call.x.dtype if call.x.is_floating_point() else scores.dtype, device=x.device)
        if g is None
        else g
        for call, g in zip(watch.calls, gradients, strict=True)
    ]
    return BackwardPass(watch.calls, arrived, scores.detach(), losses, sums, log_total, others, other)


def whole_target(name: str, parameter: Tensor) -> Target:
    """All rows of a parameter."""
    return Target(name, 0, len(parameter) if parameter.ndim else 1)


def _by_name(parts: Mapping[Target, Tensor], parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Gradients with respect to rows of parameters as gradients with respect to the parameters."""
    result: dict[str, Any] = {}
    for target, g in parts.items():
        p = parameters[target.name]
        if target == whole_target(target.name, p):
            result[target.name] = result[target.name] + g if target.name in result else g
            continue
        if target.name not in result:
            result[target.name] = torch.zeros_like(p, dtype=g.dtype)
        result[target.name][target.start : target.stop] += g
    return {name: result[name] if name in result else torch.zeros_like(p) for name, p in parameters.items()}


def _check_losses(losses: Tensor) -> None:
    bad = int((~losses.isfinite()).sum())
    if bad:
        raise NotFiniteError(
            f"The losses of {bad} of {len(losses)} examples are NaN or infinite.",
            expected="a network and data with finite losses",
            next_step="take a snapshot from before training diverged",
        )
