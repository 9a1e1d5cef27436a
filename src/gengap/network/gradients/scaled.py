"""Losses whose gradients by the scores are of size 1, with the logarithm of what they were divided by.

The gradient of a cross entropy by its scores is ``1 - p_y`` times a vector that never vanishes. In the type of the
network ``1 - p_y`` is 0 for a confident network; divided by it, example by example, a gradient has all its digits.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gengap.errors import InputError
from gengap.network.cross_entropy import losses as cross_entropies
from gengap.network.cross_entropy import score_gradients
from gengap.network.gradients.losses import Loss, example_losses

IGNORED = -100  # PyTorch's label of a place that does not count
NO_GRADIENT = (
    "all gradients are exactly 0: a stationary point, or a loss that saturates in the network's type; "
    "compare with the network in float64"
)


class ScaledLosses(NamedTuple):
    """Losses of N examples, and numbers whose gradients are theirs divided by ``exp(log_scales)``.

    Attributes:
        losses: ``[N]``.
        values: ``[N]``; only their gradients mean something.
        log_scales: Float64 ``[N]``; -inf where a gradient by the scores is exactly 0.
    """

    losses: Tensor
    values: Tensor
    log_scales: Tensor


def scaled_losses(loss: Loss, scores: Tensor, y: Tensor) -> ScaledLosses:
    """The losses of ``example_losses``, in a form whose gradients do not underflow where the loss is a cross entropy.

    Any other loss is taken as it is, with scales of 1.

    Args:
        loss: From scores ``[B, ...]`` and labels ``[B, ...]`` to one number.
        scores: ``[N, ...]``.
        y: ``[N, ...]``.
    """
    if not scalable(loss, scores, y):
        values = example_losses(loss, scores, y)
        return ScaledLosses(values.detach(), values, torch.zeros(len(y), dtype=torch.float64, device=values.device))
    return cross_entropy_scaled(scores, y)


def scalable(loss: Loss, scores: Tensor, y: Tensor) -> bool:
    """Whether a loss is the plain cross entropy of scores ``[N, C, ...]`` and class labels ``[N, ...]``."""
    if not is_cross_entropy(loss) or y.dtype != torch.int64 or not scores.is_floating_point():
        return False
    if scores.ndim < 2 or scores.shape[1] < 2 or y.shape != (len(scores), *scores.shape[2:]):
        return False
    return bool((((y >= 0) & (y < scores.shape[1])) | (y == IGNORED)).all())


def is_cross_entropy(loss: object) -> bool:
    """Whether a loss is PyTorch's cross entropy without weights, smoothing or another label to ignore."""
    if isinstance(loss, nn.CrossEntropyLoss):
        plain = loss.weight is None and loss.label_smoothing == 0 and loss.ignore_index == IGNORED
        return plain and loss.reduction == "mean"
    return loss is nn.functional.cross_entropy


def cross_entropy_scaled(scores: Tensor, y: Tensor) -> ScaledLosses:
    """``scaled_losses`` of the cross entropy; the mean over an example's places where it has several.

    Args:
        scores: ``[N, C, ...]`` of C >= 2 classes; NaN and +inf make losses and gradients NaN.
        y: Class indices, or -100, ``[N, ...]``.
    """
    N, C = scores.shape[:2]
    rows, labels = scores.movedim(1, -1).reshape(-1, C), y.reshape(-1)
    counted = labels != IGNORED
    labels = torch.where(counted, labels, 0)
    broken = ((rows == math.inf) | rows.isnan()).any(1)
    directions, sizes = score_gradients(rows, labels)
    sizes = torch.where(counted, torch.where(broken, math.nan, sizes), -math.inf).reshape(N, -1)
    values = torch.where(counted, torch.where(broken, math.nan, cross_entropies(rows.detach(), labels)), 0.0)
    places = counted.reshape(N, -1).sum(1)
    places = places.clamp(min=1) if scores.ndim == 2 else places  # PyTorch's mean over no place is NaN
    log_scales = sizes.amax(1)
    relative = torch.where(sizes == -math.inf, 0.0, (sizes - log_scales[:, None]).exp() / places[:, None])
    # A score of -inf has a direction of 0: it is left out of the sum, where 0 times -inf would be NaN
    cotangents = (directions.reshape(N, -1, C) * relative[:, :, None]).reshape(-1, C).to(scores.dtype)
    finite = torch.where(cotangents == 0, 0.0, rows)
    return ScaledLosses(
        values.reshape(N, -1).sum(1) / places, (finite * cotangents).reshape(N, -1).sum(1), log_scales.detach()
    )


def saturated(loss: Loss, scores: Tensor, y: Tensor) -> int:
    """How many examples have a softmax that rounds to 1 at the label in the type of the scores.

    The gradient of a cross entropy, and all that is derived from it, has lost most digits or is 0 there. 0 for another
    loss.
    """
    if not is_cross_entropy(loss) or scores.ndim != 2 or y.ndim != 1 or not scalable(loss, scores, y):
        return 0
    sizes = cross_entropy_scaled(scores.detach(), y).log_scales
    return int(((sizes > -math.inf) & (sizes < math.log(torch.finfo(scores.dtype).eps / 2))).sum())


def saturation_reason(share: float, what: str) -> str | None:
    """What is said of numbers to which saturated examples contribute too little; None where there are none."""
    if not share:
        return None
    return (
        f"the softmax of {share:.1%} of the examples rounds to 1 in the network's type, and what they add to {what} "
        "is lost; compare with the network in float64"
    )


def checked_scale(values: Tensor, log_scales: Tensor, what: str, next_step: str) -> Tensor:
    """``exp(log_scales) * values`` for values of at least 0, float64.

    Raises:
        InputError: A value above 0 would be below float64's least normal number.
    """
    result = log_scales.exp() * values
    lost = int(((result < torch.finfo(torch.float64).tiny) & (values > 0) & (log_scales > -math.inf)).sum())
    if lost:
        raise InputError(
            f"{lost} of {values.numel()} {what} are above 0 but below the least number of float64, 2.2e-308.",
            expected="a network less confident on its examples",
            next_step=next_step,
        )
    return result
