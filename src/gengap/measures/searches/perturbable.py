"""A network whose weights can be replaced, judged on a fixed set of examples."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn

from gengap.network.cross_entropy import GROUP, summed_gradients
from gengap.network.inputs import CPU_BATCH, batch_rows

BACKWARD = 2  # what a backward pass costs, in forward passes
_DEPTH = 746 + GROUP  # nats: exp(-746) is 0 in float64, so that passes that begin deeper add nothing

Weights = Mapping[str, Tensor]
Enough = Callable[[Tensor], bool]


class Perturbable:
    """Accuracy and loss of a network under other weights; what is not among the weights stays as it is.

    Args:
        model: In evaluation mode; it is copied.
        names: The parameters that are perturbed.
        x: The examples, as the network takes them ``[N, …]``.
        y: Their labels ``[N]``.

    Attributes:
        weights: The parameters' values in the network as it was given.
        report: Called with ``passes`` after each batch.
    """

    def __init__(self, model: nn.Module, names: Iterable[str], x: Tensor, y: Tensor):
        self._model, self._x, self._y = copy.deepcopy(model), x, y
        self._model.requires_grad_(False)
        self._parameters = {name: self._model.get_parameter(name) for name in names}
        self.weights: Weights = {name: value.detach().clone() for name, value in self._parameters.items()}
        self._evaluated = 0
        self.report: Callable[[float], None] = lambda passes: None

    @property
    def examples(self) -> int:
        """Number of the examples N."""
        return len(self._y)

    @property
    def passes(self) -> float:
        """Passes over all examples so far, in units of a forward pass, of which a backward pass counts as two."""
        return self._evaluated / len(self._y)

    def accuracy(self, weights: Weights) -> float:
        """Fraction of the examples classified correctly."""
        return float(self.correct(weights).double().mean())

    def correct(self, weights: Weights, enough: Enough | None = None) -> Tensor:
        """Which examples are classified correctly, bool ``[N]``; one with an infinite or undefined output is not.

        Args:
            weights: The parameters' values.
            enough: Called with the answers so far after each batch; where it returns True, only those are returned.
        """
        self._use(weights)
        answers: list[Tensor] = []
        with torch.inference_mode():
            for x, y in self._batches():
                answers.append(_correct(self._model(x), y))
                self._count(len(y))
                if enough is not None and enough(torch.cat(answers)):
                    break
        return torch.cat(answers)

    def correct_with_gradient(
        self, weights: Weights, enough: Enough | None = None
    ) -> tuple[Tensor, dict[str, Tensor] | None]:
        """``correct``, and the gradient of the summed cross-entropy by the weights, from one pass.

        The gradient is float64, over a factor above 0 such that its largest part does not vanish however small the
        losses are. There is none where ``enough`` ends the pass.

        Args:
            weights: The parameters' values.
            enough: As in ``correct``.
        """
        self._use(weights)
        parameters = list(self._parameters.values())
        totals, unit = [torch.zeros_like(parameter, dtype=torch.float64) for parameter in parameters], -math.inf
        answers: list[Tensor] = []
        with self._differentiable(), torch.enable_grad():
            for x, y in self._batches():
                scores = self._model(x)
                answers.append(_correct(scores.detach(), y))
                self._count(len(y))
                if enough is not None and enough(torch.cat(answers)):
                    return torch.cat(answers), None
                for log_size, gradient in summed_gradients(scores, y, parameters, depth=_DEPTH):
                    top = max(unit, log_size)
                    for total, part in zip(totals, gradient, strict=True):
                        total.mul_(math.exp(unit - top)).add_(part.double(), alpha=math.exp(log_size - top))
                    unit = top
                self._count(BACKWARD * len(y))
        return torch.cat(answers), dict(zip(self._parameters, totals, strict=True))

    def _use(self, weights: Weights) -> None:
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(weights[name])

    def _count(self, examples: int) -> None:
        self._evaluated += examples
        self.report(self.passes)

    def _differentiable(self) -> "_Differentiable":
        return _Differentiable(self._parameters.values())

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Copies, for a network may overwrite its input."""
        for rows in batch_rows(len(self._y), CPU_BATCH):
            yield self._x[rows].clone(), self._y[rows]


class _Differentiable:
    """Parameters that ask for gradients as long as the context lasts."""

    def __init__(self, parameters: Iterable[nn.Parameter]):
        self._parameters = list(parameters)

    def __enter__(self) -> None:
        for parameter in self._parameters:
            parameter.requires_grad_(True)

    def __exit__(self, *error: object) -> None:
        for parameter in self._parameters:
            parameter.requires_grad_(False)


def _correct(scores: Tensor, labels: Tensor) -> Tensor:
    return (scores.argmax(1) == labels) & scores.isfinite().all(1)
