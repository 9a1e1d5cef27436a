"""One backward pass or several: gradients at edges of the graph together with their sum over the parameters."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from gengap.network.cross_entropy import GROUP
from gengap.network.gradients.calls import Target
from gengap.network.gradients.scaled import ScaledLosses

SPREAD = 30.0  # nats between gradients of one backward pass whose squares float32 can hold
HALF_SPREAD = 5.0  # the same for gradients in float16, which spans 16 nats below 1


def with_total(
    losses: ScaledLosses, edges: Sequence[GradientEdge], parameters: Mapping[Target, Tensor], *, retain: bool = False
) -> tuple[ScaledLosses, Sequence[Tensor | None], dict[Target, Tensor], float]:
    """The gradients at the edges with the scales that they have now, and the sum of all with its scale.

    Gradients that differ little share one scale and one backward pass; others need further passes.

    Args:
        losses: Of the batch, with the scales that its gradients would have.
        edges: Where in the graph gradients are wanted.
        parameters: Leaves of the graph with respect to which gradients are summed.
        retain: Whether the graph is needed again.
    """
    sizes, values = losses.log_scales, losses.values
    open_ = sizes > -math.inf
    top = float(sizes[open_].max()) if bool(open_.any()) else -math.inf
    relative = torch.where(open_, (sizes - top).exp(), 0.0)
    half = values.dtype == torch.float16
    if bool((sizes[open_] >= top - (HALF_SPREAD if half else SPREAD)).all()):
        common = torch.full_like(sizes, top)
        whole = (values * relative.to(values.dtype)).sum()
        found = backward(whole, [*edges, *parameters.values()], retain=retain)
        gradients, parts = found[: len(edges)], found[len(edges) :]
        sums = {
            name: torch.zeros_like(p) if g is None else g
            for (name, p), g in zip(parameters.items(), parts, strict=True)
        }
        return losses._replace(log_scales=common), gradients, sums, top
    gradients = backward(values.sum(), edges, retain=True)
    sums = {name: torch.zeros_like(p, dtype=torch.float64) for name, p in parameters.items()}
    while bool(open_.any()):
        level = float(sizes[open_].max())
        group = open_ & (sizes >= level - (HALF_SPREAD if half else GROUP))
        open_ = open_ & ~group
        weights = torch.where(group, (sizes - level).exp(), 0.0).to(values.dtype)
        parts = backward((values * weights).sum(), list(parameters.values()), retain=True)
        for name, g in zip(parameters, parts, strict=True):
            if g is not None:
                sums[name].add_(g.double(), alpha=math.exp(level - top))
    return losses, gradients, sums, top


def backward(value: Tensor, targets: Sequence[Any], *, retain: bool) -> Sequence[Tensor | None]:
    """Gradients of a number at these targets; None where it does not depend on one."""
    return torch.autograd.grad(value, targets, allow_unused=True, retain_graph=retain) if targets else ()
