"""One pass over the training examples, which every measure that needs data shares."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gengap.errors import InputError
from gengap.network.passes.gradient_sums import GradientSums
from gengap.network.passes.layer_inputs import LayerInput, LayerInputs
from gengap.network.passes.margins import margins


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
        return cross_entropy(self.logits, self.labels, reduction="none")

    @cached_property
    def accuracy(self) -> float:
        """Fraction of examples whose label has the greatest logit (the first of them at a tie)."""
        return float((self.logits.argmax(1) == self.labels).double().mean())


def evaluate(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> Evaluation:
    """Logits of all examples, by forward passes in the model's own type.

    Args:
        model: In evaluation mode.
        batches: Pairs of inputs and labels.

    Raises:
        InputError: No examples, or labels that are no classes of the network.
    """
    logits, labels = [], []
    with torch.inference_mode():
        for x, y in batches:
            logits.append(model(x).double())
            labels.append(y)
    with torch.inference_mode(False):
        return Evaluation(*_joined(logits, labels))


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
            watched.differentiate(margins(out, y))
            sums = sums or GradientSums(len(y))
            if len(y) == sums.size:
                sums.add(torch.autograd.grad(cross_entropy(out, y), parameters, materialize_grads=True))
            logits.append(out.detach().double())
            labels.append(y)
    return Evaluation(*_joined(logits, labels), sums, watched.found())


def _joined(logits: list[Tensor], labels: list[Tensor]) -> tuple[Tensor, Tensor]:
    if not labels:
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
    """All parameters, asking for gradients for as long as the context lasts."""
    parameters = list(model.parameters())
    before = [parameter.requires_grad for parameter in parameters]
    model.requires_grad_(True)
    try:
        yield parameters
    finally:
        for parameter, asked in zip(parameters, before, strict=True):
            parameter.requires_grad_(asked)
