"""One pass over the training examples, which every measure that needs data shares."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn

from gengap.data import Problem
from gengap.errors import InputError
from gengap.network.cross_entropy import GROUP, losses, summed_gradients
from gengap.network.inputs import CPU_BATCH, Part, batch_rows
from gengap.network.inputs import batches as split_batches
from gengap.network.passes.layer_inputs import LayerInput, LayerInputs


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Signed margins ``f_y - max_{j != y} f_j`` of ``N`` examples, in the logits' type; negative where wrong.

    Source: Jiang et al. 2020 (arXiv:1912.02178), appendix C; Neyshabur et al. 2017 (arXiv:1706.08947), section 2.

    Args:
        logits: ``[N, C]`` with at least two classes.
        labels: Class indices ``[N]``.

    >>> margins(torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0]]), torch.tensor([0, 2])).tolist()
    [1.0, -4.0]
    >>> margins(torch.tensor([[0.0, -torch.inf, -torch.inf]]), torch.tensor([0])).tolist()
    [inf]
    """
    true = logits.gather(1, labels[:, None]).squeeze(1)
    return true - logits.gather(1, rivals(logits, labels)[:, None]).squeeze(1)


def rivals(logits: Tensor, labels: Tensor) -> Tensor:
    """The class of the greatest logit other than the label's, for each example; ``[N]``."""
    others = torch.arange(logits.shape[1] - 1, device=logits.device).expand(len(logits), -1)
    others = others + (others >= labels[:, None])  # by index, as every other score may be -inf
    return others.gather(1, logits.gather(1, others).argmax(1, keepdim=True)).squeeze(1)


def low_margin(margins: Tensor, percent: int) -> float:
    """The margin of rank ``max(1, N * percent // 100)`` from below: the ``percent``-th percentile, no interpolation.

    Source: Dziugaite et al. 2020 (arXiv:2010.11924), whose code takes rank ``N // 10``, without its absolute value.

    >>> low_margin(torch.arange(20.0), 10)
    1.0
    """
    rank = max(1, len(margins) * percent // 100)
    return float(margins.kthvalue(rank).values)


class GradientSums:
    """The mean of minibatch gradients and their variance around it, accumulated as two sums in float64.

    Both are in units of ``exp(log_unit)``, the largest size of a gradient so far, so that no square vanishes.

    Args:
        size: Examples in each minibatch.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.minibatches = 0
        self.log_unit = -math.inf
        self._sum: list[Tensor] = []
        self._squares = 0.0

    def add(self, parts: Iterable[tuple[float, Sequence[Tensor]]]) -> None:
        """Takes in the gradient of one minibatch, the sum over pairs (s, g) of exp(s) g, g a tensor a parameter."""
        parts = list(parts)
        top = max(log_size for log_size, _ in parts)
        shares = [math.exp(log_size - top) for log_size, _ in parts]
        if not self._sum:
            self._sum = [torch.zeros_like(part, dtype=torch.float64) for part in parts[0][1]]
        if top > self.log_unit:
            shrink = math.exp(self.log_unit - top)
            self._sum = [total * shrink for total in self._sum]
            self._squares *= shrink**2
            self.log_unit = top
        factor = math.exp(top - self.log_unit)
        for total, *terms in zip(self._sum, *(tensors for _, tensors in parts), strict=True):
            gradient = terms[0].to(torch.float64, copy=True).mul_(shares[0])
            for term, share in zip(terms[1:], shares[1:], strict=True):
                gradient.add_(term, alpha=share)
            total.add_(gradient, alpha=factor)
            self._squares += (factor * float(torch.linalg.vector_norm(gradient))) ** 2
        self.minibatches += 1

    @property
    def scaled_mean_squared_norm(self) -> float:
        """``mean_squared_norm`` over ``exp(2 log_unit)``."""
        return sum(float(torch.linalg.vector_norm(total)) ** 2 for total in self._sum) / self.minibatches**2

    @property
    def mean_squared_norm(self) -> float:
        """Squared Euclidean norm of the mean gradient; 0 where float64 does not reach so low."""
        return self.scaled_mean_squared_norm * math.exp(2 * self.log_unit)

    @property
    def scaled_variance(self) -> float:
        """``variance`` over ``exp(2 log_unit)``."""
        spread = self._squares - self.minibatches * self.scaled_mean_squared_norm
        return max(spread, 0.0) / (self.minibatches - 1)

    @property
    def variance(self) -> float:
        """``sum_k |g_k - mean|^2 / (K - 1)`` over K >= 2 minibatches; 0 where float64 does not reach so low."""
        return self.scaled_variance * math.exp(2 * self.log_unit)


@dataclass(frozen=True)
class Evaluation:
    """What one pass over N examples of C classes saw.

    Attributes:
        logits: The network's outputs, float64 ``[N, C]``.
        labels: Class indices ``[N]``.
        gradients: Sums of minibatch gradients of the mean cross-entropy; None unless they were asked for.
        layer_inputs: What entered each layer, by the layer's name; empty unless gradients were asked for.
    """

    logits: Tensor
    labels: Tensor
    gradients: GradientSums | None = None
    layer_inputs: Mapping[str, LayerInput] = field(default_factory=dict)

    @cached_property
    def margins(self) -> Tensor:
        """Signed margins, float64 ``[N]``."""
        return margins(self.logits, self.labels)

    @cached_property
    def losses(self) -> Tensor:
        """Cross-entropy of each example in nats, float64 ``[N]``."""
        return losses(self.logits, self.labels)

    @cached_property
    def accuracy(self) -> float:
        """Fraction of examples whose label has the greatest logit (the first of them at a tie)."""
        return float((self.logits.argmax(1) == self.labels).double().mean())


def evaluate(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> Evaluation:
    """Logits of all examples, by forward passes in the model's own type, on a CPU of at most 100 examples each.

    Args:
        model: In evaluation mode.
        batches: Pairs of inputs and labels.

    Raises:
        InputError: No examples, or labels that are no classes of the network.
    """
    logits, labels = [], []
    with torch.inference_mode():
        for x, y in batches:
            rows = batch_rows(len(x), CPU_BATCH if x.device.type == "cpu" else max(len(x), 1))
            logits += [model(x[part]).double() for part in rows]
            labels.append(y)
    with torch.inference_mode(False):
        return Evaluation(*_joined(logits, labels))


def accuracies(model: nn.Module, problem: Problem, splits: Sequence[Part] = ("train", "test")) -> dict[str, float]:
    """The fraction of examples that a network classifies correctly, of each split.

    Args:
        model: In evaluation mode, returning one tensor of scores ``[B, C]``.
        problem: The data.
        splits: Which ones.
    """
    return {split: evaluate(model, split_batches(problem, model, split)).accuracy for split in splits}


def evaluate_with_gradients(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], layers: Mapping[str, nn.Module]
) -> Evaluation:
    """Logits, gradients of the loss and of the margins, from one forward pass over all examples.

    Each batch's graph is walked back twice: from the mean cross-entropy to all parameters, and from the margins to
    the layers' inputs. A last batch smaller than the first counts for everything but the sums of gradients, whose
    variance depends on the size of a minibatch.

    Args:
        model: In evaluation mode.
        batches: Pairs of inputs and labels, in random order, all but the last of one size.
        layers: The layers to watch, by name.

    Raises:
        InputError: No examples.
    """
    logits: list[Tensor] = []
    labels: list[Tensor] = []
    sums: GradientSums | None = None
    with _differentiable(model) as parameters, LayerInputs(layers) as watched, torch.enable_grad():
        for x, y in batches:
            out = model(x.detach().requires_grad_() if x.is_floating_point() else x)
            if out.requires_grad and parameters:  # else, as in a quantised network, there is nothing to differentiate
                watched.differentiate(margins(out, y))
                sums = sums or GradientSums(len(y))
                if len(y) >= sums.size:  # a last example that would be alone comes with the batch before it
                    parts = summed_gradients(out[: sums.size], y[: sums.size], parameters, depth=GROUP)
                    sums.add((log_size - math.log(sums.size), gradient) for log_size, gradient in parts)
            logits.append(out.detach().double())
            labels.append(y)
    return Evaluation(*_joined(logits, labels), sums, watched.results())


def _joined(logits: list[Tensor], labels: list[Tensor]) -> tuple[Tensor, Tensor]:
    if not sum(map(len, labels)):
        raise InputError("There are no training examples to measure on.", expected="at least one example")
    classes, every = logits[0].shape[1], torch.cat(labels)
    if not 0 <= int(every.min()) <= int(every.max()) < classes:
        raise InputError(
            f"Labels from {int(every.min())} to {int(every.max())} for {classes} scores.",
            expected=f"class indices from 0 to {classes - 1}",
        )
    return torch.cat(logits), every


@contextmanager
def _differentiable(model: nn.Module) -> Iterator[list[nn.Parameter]]:
    """All parameters of floating type, asking for gradients for as long as the context lasts."""
    parameters = [parameter for parameter in model.parameters() if parameter.is_floating_point()]
    before = [parameter.requires_grad for parameter in parameters]
    for parameter in parameters:
        parameter.requires_grad_(True)
    try:
        yield parameters
    finally:
        for parameter, asked in zip(parameters, before, strict=True):
            parameter.requires_grad_(asked)
