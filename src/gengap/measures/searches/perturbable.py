"""A network whose weights can be replaced, judged on a fixed set of examples."""

import copy
import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from gengap.network.cross_entropy import summed_gradients
from gengap.network.inputs import batch_rows

BATCH = 100  # small enough for the cache of a processor's core

Weights = Mapping[str, Tensor]


class Perturbable:
    """Accuracy and loss of a network under other weights; what is not among the weights stays as it is.

    Args:
        model: In evaluation mode; it is copied. Images go channels last, which a CPU convolves faster,
            unless the network takes views of them that this order does not allow.
        names: The parameters that are perturbed.
        x: The examples.
        y: Their labels.
    """

    def __init__(self, model: nn.Module, names: Iterable[str], x: Tensor, y: Tensor):
        self._model, self._x = _channels_last(model, x) if x.ndim == 4 else (copy.deepcopy(model), x)
        self._model.requires_grad_(False)
        self._parameters = {name: self._model.get_parameter(name) for name in names}
        self._y = y
        self.weights: Weights = {name: value.detach().clone() for name, value in self._parameters.items()}
        self.passes = 0

    @property
    def examples(self) -> int:
        """Number of the examples."""
        return len(self._y)

    def accuracy(self, weights: Weights) -> float:
        """Fraction of the examples classified correctly; an example with an infinite or undefined output is not."""
        self._use(weights)
        correct = 0
        with torch.inference_mode():
            for x, y in self._batches():
                out = self._model(x)
                correct += int(((out.argmax(1) == y) & out.isfinite().all(1)).sum())
        return correct / len(self._y)

    def loss_gradient(self, weights: Weights) -> dict[str, Tensor]:
        """Gradient of the summed cross-entropy with respect to the weights, float64, over a factor above 0.

        The factor is such that the gradient's largest part does not vanish, however small the losses are.
        """
        self._use(weights)
        parameters = list(self._parameters.values())
        for parameter in parameters:
            parameter.requires_grad_(True)
        totals, unit = [torch.zeros_like(parameter, dtype=torch.float64) for parameter in parameters], -math.inf
        with torch.enable_grad():
            for x, y in self._batches():
                for log_size, gradient in summed_gradients(self._model(x), y, parameters):
                    top = max(unit, log_size)
                    for total, part in zip(totals, gradient, strict=True):
                        total.mul_(math.exp(unit - top)).add_(part.double(), alpha=math.exp(log_size - top))
                    unit = top
        for parameter in parameters:
            parameter.requires_grad_(False)
        return dict(zip(self._parameters, totals, strict=True))

    def _use(self, weights: Weights) -> None:
        self.passes += 1
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(weights[name])

    def _batches(self) -> Iterable[tuple[Tensor, Tensor]]:
        """Copies, for a network may overwrite its input."""
        for rows in batch_rows(len(self._y), BATCH):
            yield self._x[rows].clone(), self._y[rows]


def _channels_last(model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
    """Copies of both that compute in this order; in the order that they have where the network cannot."""
    images = x.contiguous(memory_format=torch.channels_last)
    try:  # weights of five axes have no such order
        result: nn.Module = copy.deepcopy(model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.inference_mode():
            result(images[:2])
    except RuntimeError:
        return copy.deepcopy(model), x
    return result, images
