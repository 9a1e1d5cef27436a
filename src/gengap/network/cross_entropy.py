"""Cross entropy, its logarithm and its gradient, exact where the scores saturate.

With scores s, label y and ``rest = ln sum_{j != y} exp(s_j)``, the loss is ``ln(1 + exp(rest - s_y))`` and its gradient
with respect to the scores is ``1 - p_y = 1 / (1 + exp(s_y - rest))`` times a vector that never vanishes: -1 at the
label, and the softmax of the other scores elsewhere. Softmax minus one, which this replaces, is 0 in float32 from a
margin of about 17 on and in float64 from 37; the logarithm of ``1 - p_y`` has no such limit.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

GROUP = 60.0  # nats between the largest and the smallest gradients of one backward pass: float32 spans 87 below 1


class ScoreGradients(NamedTuple):
    """Gradients of N cross entropies with respect to their scores: ``exp(log_sizes)[:, None] * directions``.

    Attributes:
        directions: Float64 ``[N, C]``: -1 at the label, elsewhere at least 0 with sum 1.
        log_sizes: ``ln(1 - p_y)``, float64 ``[N]``, at most 0.
    """

    directions: Tensor
    log_sizes: Tensor


def losses(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross entropies in nats, float64 ``[N]``, without loss of digits near 0.

    Args:
        scores: ``[N, C]`` of C >= 2 classes.
        labels: Class indices ``[N]``.

    >>> f"{float(losses(torch.tensor([[60.0, 0.0]]), torch.tensor([0]))):.3e}"  # exp(-60)
    '8.757e-27'
    """
    return torch.logaddexp(-_lead(scores, labels), torch.zeros((), dtype=torch.float64, device=scores.device))


def log_losses(scores: Tensor, labels: Tensor) -> Tensor:
    """Natural logarithms of ``losses``, float64 ``[N]``, also where the losses are below float64's least number.

    >>> log_losses(torch.tensor([[2000.0, 0.0]]), torch.tensor([0])).tolist()
    [-2000.0]
    """
    lead = _lead(scores, labels)
    return torch.where(lead > 40, -lead, losses(scores, labels).log())  # exp(-40): ln(1 + x) is x to the last digit


def log_probabilities(scores: Tensor) -> Tensor:
    """``ln softmax(scores)``, float64 ``[N, C]``, of which the largest, near 0, has all its digits.

    >>> log_probabilities(torch.tensor([[50.0, 0.0]])).tolist()  # -exp(-50), -50
    [[-1.9287498479639178e-22, -50.0]]
    """
    exact = scores.double()
    top = exact.argmax(1)
    return exact.log_softmax(1).scatter(1, top[:, None], -losses(exact, top)[:, None])


def score_gradients(scores: Tensor, labels: Tensor) -> ScoreGradients:
    """The gradient of each example's cross entropy with respect to its scores, as a direction and a logarithmic size.

    Args:
        scores: ``[N, C]`` of C >= 2 classes.
        labels: Class indices ``[N]``.
    """
    others = scores.detach().double().scatter(1, labels[:, None], -math.inf)
    directions = others.softmax(1).nan_to_num(0.0).scatter(1, labels[:, None], -1.0)  # NaN: there is no other class
    lead = _lead(scores.detach(), labels)
    return ScoreGradients(directions, -torch.logaddexp(lead, torch.zeros_like(lead)))


def summed_gradients(
    scores: Tensor, labels: Tensor, parameters: Sequence[nn.Parameter], *, depth: float = math.inf
) -> Iterator[tuple[float, tuple[Tensor, ...]]]:
    """Gradients of the summed cross entropy with respect to parameters: their sum is over pairs (s, g) of exp(s) g.

    Each pair comes from one backward pass in the network's type, from those derivatives by a score that are within a
    factor exp(60) of each other, the largest scaled to 1: mostly there is one such pass.

    Args:
        scores: ``[N, C]``, with the graph that made them.
        labels: Class indices ``[N]``.
        parameters: What to differentiate by; one that the scores do not depend on gets zeros.
        depth: Derivatives by scores that are more than this many nats below the largest are left out, at least 60.
    """
    with torch.no_grad():
        lead = _lead(scores, labels)
        others = scores.double().scatter(1, labels[:, None], -math.inf)
        logs = (
            others.log_softmax(1).scatter(1, labels[:, None], 0.0)
            - torch.logaddexp(lead, torch.zeros_like(lead))[:, None]
        )
        signs = torch.ones_like(logs).scatter(1, labels[:, None], -1.0)
        open_ = logs > -math.inf  # neither NaN nor without any other class
        open_ &= logs >= logs[open_].max() - depth if open_.any() else open_
    if not open_.any():
        yield 0.0, tuple(torch.zeros_like(parameter) for parameter in parameters)
    while open_.any():
        top = float(logs[open_].max())
        group = open_ & (logs >= top - GROUP)
        open_ &= ~group
        cotangent = torch.where(group, signs * (logs - top).exp(), 0.0).to(scores.dtype)
        more = bool(open_.any())
        yield top, torch.autograd.grad(scores, parameters, cotangent, retain_graph=more, materialize_grads=True)


def _lead(scores: Tensor, labels: Tensor) -> Tensor:
    """``s_y - ln sum_{j != y} exp(s_j)``, float64 ``[N]``: infinite where there is no other class."""
    exact = scores.double()
    rest = exact.scatter(1, labels[:, None], -math.inf).logsumexp(1)
    return exact.gather(1, labels[:, None]).squeeze(1) - rest
