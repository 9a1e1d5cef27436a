"""Whether gradients of a network's loss are its slopes."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gengap.network.copies import in_float64
from gengap.network.inputs import cast_inputs

EXAMPLES, DIRECTIONS = 8, 2
STEPS = (1e-6, 1e-5, 1e-4, 1e-3)  # relative changes of the weights; one that agrees is enough, since ReLUs have kinks
AGREEMENT = 0.01  # of the slope, or of its usual size, the root of the sum of squares of its terms
NEGLIGIBLE = 1e-9  # nats: what rounding leaves of a slope of zero


def gradient_fault(model: nn.Module, x: Tensor, y: Tensor) -> str:
    """Why gradients of a network's loss are not the slopes of its loss; empty where they are.

    The gradient of the mean cross-entropy, along random relative changes of all parameters, is compared with central
    differences in float64, on a few examples. Nothing is compared where the network cannot run in float64.

    Args:
        model: In evaluation mode, returning one tensor ``[B, C]``; it stays as it is.
        x: Examples as the network takes them, ``[B, …]``.
        y: Class indices ``[B]``.
    """
    try:
        exact = in_float64(model)
        x, y = cast_inputs(exact, x[:EXAMPLES]), y[:EXAMPLES]
        parameters = [parameter.requires_grad_() for parameter in exact.parameters() if parameter.is_floating_point()]
        with torch.enable_grad():
            loss = cross_entropy(exact(x), y)
    except Exception:  # whatever a user's forward raises when it is given float64
        return ""
    if not parameters or not loss.isfinite() or loss.dtype is not torch.float64:
        return ""
    gradients: Sequence[Tensor | None] = [None] * len(parameters)
    if loss.requires_grad:
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    for seed in range(DIRECTIONS):
        directions = [parameter.detach() * _signs(parameter, seed) for parameter in parameters]
        pairs = zip(gradients, directions, strict=True)
        terms = [gradient * direction for gradient, direction in pairs if gradient is not None]
        slope = sum(float(term.sum()) for term in terms)
        size = sum(float(term.square().sum()) for term in terms) ** 0.5
        differences: list[float] = []
        for step in STEPS:
            difference = _central_difference(exact, parameters, directions, x, y, step)
            if not math.isfinite(difference):
                continue  # beyond where the network has a value: that tells nothing of its slope
            differences.append(difference)
            if not _apart(difference, slope, size):
                break
        else:
            if not differences:
                continue
            nearest = min(differences, key=lambda difference: abs(difference - slope))
            return (
                f"the gradient that the network's own backward pass gives is not the slope of its loss: {slope:.4g} "
                f"along a random direction where central differences give {nearest:.4g}"
            )
    return ""


def _apart(difference: float, slope: float, size: float) -> bool:
    """Whether they differ by more than the step explains; a slope that is NaN or infinite does."""
    tolerance = AGREEMENT * max(size, abs(slope), abs(difference))
    return not math.isfinite(slope) or abs(difference - slope) > max(tolerance, NEGLIGIBLE)


def _signs(parameter: Tensor, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(1000 * parameter.numel() + seed)
    return (torch.randint(2, parameter.shape, generator=generator) * 2.0 - 1).to(parameter)


@torch.no_grad()
def _central_difference(
    model: nn.Module, parameters: Sequence[Tensor], directions: Sequence[Tensor], x: Tensor, y: Tensor, step: float
) -> float:
    originals = [parameter.clone() for parameter in parameters]
    losses = []
    for signed in (step, -step):
        for parameter, original, direction in zip(parameters, originals, directions, strict=True):
            parameter.copy_(original + signed * direction)
        losses.append(float(cross_entropy(model(x), y)))
    for parameter, original in zip(parameters, originals, strict=True):
        parameter.copy_(original)
    return (losses[0] - losses[1]) / (2 * step)
