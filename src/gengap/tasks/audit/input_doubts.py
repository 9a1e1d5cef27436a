"""Signs that a model is fed other inputs than those it was trained on."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from gengap.data import Problem
from gengap.network.inputs import batches
from gengap.report import percent
from gengap.seeds import generator

FAR_MEAN = 1.0  # standard deviations of the batch norm's running statistics
FAR_VARIANCE = 3.0  # a factor, either way
LOW_ACCURACY = 0.9  # below it, unscaled pixels are pointed out
LEAST, COMPARED = 30, 512  # training examples whose statistics are compared
NORMALISATIONS = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm, nn.LocalResponseNorm)
OPTIONS = "give the preprocessing of its training: --scale, --mean, --std, --crop"


def raw_pixels_doubt(raw_pixels: bool, accuracy: float) -> str:
    """A warning where pixels are fed from 0 to 255 and the accuracy is below 90 %; empty otherwise.

    Args:
        raw_pixels: Whether no scaling of pixels was stated.
        accuracy: On training examples, or on test examples where there are none, in [0, 1].
    """
    if not raw_pixels or accuracy >= LOW_ACCURACY:
        return ""
    return (
        f"Warning: it is fed pixels from 0 to 255, and its accuracy there is {percent(accuracy)}. If its training "
        f"scaled them, all that follows is about inputs it was not made for: {OPTIONS}."
    )


def batch_norm_doubt(network: nn.Module, problem: Problem, seed: int) -> str:
    """A warning where the inputs of the first batch norm are far from its running statistics; empty otherwise.

    Far is: by the median over its channels, the mean on up to 512 training examples differs from the running mean by
    more than one running standard deviation, or the variance from the running variance by more than a factor of 3.
    A network whose first normalisation is another, or keeps no running statistics, is not judged, nor any on fewer
    than 30 training examples.

    Args:
        network: In evaluation mode.
        problem: The data that it is fed.
        seed: Of the draw of the training examples.
    """
    if len(problem.train) < LEAST:
        return ""
    order = torch.from_numpy(generator(seed, "audit", "batch norm").permutation(len(problem.train))[:COMPARED])
    with torch.inference_mode():
        x, _ = next(iter(batches(problem, network, "train", size=COMPARED, order=order)))
        norm, fed = _first_normalisation(network, x)
    if not isinstance(norm, _BatchNorm) or norm.running_mean is None or norm.running_var is None or fed is None:
        return ""
    if norm.num_batches_tracked is not None and int(norm.num_batches_tracked) == 0:
        return ""
    values = fed.double().transpose(0, 1).flatten(1)
    running_mean, running_variance = norm.running_mean.double(), norm.running_var.double() + norm.eps
    distance = float(((values.mean(1) - running_mean).abs() / running_variance.sqrt()).median())
    ratio = float(((values.var(1, correction=0) + norm.eps) / running_variance).median())
    if not math.isfinite(distance + ratio):
        return ""
    if distance <= FAR_MEAN and 1 / FAR_VARIANCE <= ratio <= FAR_VARIANCE:
        return ""
    return (
        f"Warning: on the training examples, the inputs of its first batch norm have {ratio:.3g} times the variance "
        f"that it recorded in training, and a mean {distance:.3g} of its standard deviations away (medians over "
        f"channels; far is a factor of {FAR_VARIANCE:g}, or more than {FAR_MEAN:g}). Unless that layer was frozen, it "
        f"was trained on other inputs: {OPTIONS}."
    )


def _first_normalisation(network: nn.Module, x: Tensor) -> tuple[nn.Module | None, Tensor | None]:
    """The normalisation that is called first, and its input ``[B, channels, …]``."""
    found: list[tuple[nn.Module, Tensor]] = []

    def seen(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if not found and inputs and isinstance(inputs[0], Tensor):
            found.append((module, inputs[0]))

    hooks = [each.register_forward_pre_hook(seen) for each in network.modules() if isinstance(each, NORMALISATIONS)]
    try:
        if hooks:
            network(x)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else (None, None)
