"""What can be followed of any network in training: its margins, their scale, its weights' norm, a validation loss."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gengap.network.passes import margins

PERCENT = (5, 25, 50, 75, 95)


@dataclass(frozen=True)
class Followed:
    """What one batch of logits and the weights show, of whatever network.

    Attributes:
        accuracy: Fraction of examples whose label has the greatest logit.
        margins: Percentiles of the margins f_y - max_{j != y} f_j, by ``"5 %"`` to ``"95 %"``.
        spread: Root of the total variance of the logits over the examples, by which a margin is no longer larger for
            logits that are. Source: Jiang et al. 2019 (arXiv:1810.00113), section 3, who divide by it layer by layer.
        scaled_margins: The percentiles over the spread; None where all logits are equal.
    """

    accuracy: float
    margins: Mapping[str, float]
    spread: float
    scaled_margins: Mapping[str, float] | None


def of_logits(scores: Tensor, labels: Tensor) -> Followed | None:
    """What logits show; None where they are not finite or of a single class.

    Args:
        scores: ``[N, C]``.
        labels: Class indices ``[N]``, or probabilities ``[N, C]``, of which the greatest counts.
    """
    scores = scores.double()
    if scores.shape[1] < 2 or not scores.isfinite().all():
        return None
    classes = labels.argmax(1) if labels.ndim == 2 else labels
    each = margins(scores, classes)
    percentiles = torch.quantile(each, torch.tensor([p / 100 for p in PERCENT], dtype=each.dtype, device=each.device))
    values = dict(zip((f"{p} %" for p in PERCENT), percentiles.tolist(), strict=True))
    spread = float(scores.var(0, correction=0).sum().sqrt())
    scaled = {name: value / spread for name, value in values.items()} if spread > 0 else None
    return Followed(float((scores.argmax(1) == classes).double().mean()), values, spread, scaled)


class Weights:
    """The norm of a network's trained weights, and how far they are from where they were when it was first read.

    Args:
        network: The network; a copy of its weights stays in memory.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._start = {name: p.detach().clone() for name, p in network.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def norms(self) -> tuple[float, float]:
        """Euclidean norm of all weights, and of what they have moved by since."""
        now = {name: p for name, p in self._network.named_parameters() if name in self._start}
        moved = [now[name] - start.to(now[name]) for name, start in self._start.items() if name in now]
        return _norm(list(now.values())), _norm(moved)


def _norm(tensors: list[Tensor]) -> float:
    if not tensors:
        return 0.0
    return float(torch.stack([torch.linalg.vector_norm(t.double()) for t in tensors]).norm())
