"""Margins of examples, and the low percentiles of them that measures divide by."""

import torch
from torch import Tensor


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Signed margins ``f_y - max_{j != y} f_j`` of ``N`` examples, in the logits' type; negative where wrong.

    Source: Jiang et al. 2020 (arXiv:1912.02178), appendix C; Neyshabur et al. 2017 (arXiv:1706.08947), section 2.

    Args:
        logits: ``[N, C]`` with at least two classes.
        labels: Class indices ``[N]``.

    >>> margins(torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0]]), torch.tensor([0, 2])).tolist()
    [1.0, -4.0]
    """
    own = logits.gather(1, labels[:, None]).squeeze(1)
    return own - logits.gather(1, rivals(logits, labels)[:, None]).squeeze(1)


def rivals(logits: Tensor, labels: Tensor) -> Tensor:
    """The class of the greatest logit other than the label's, for each example; ``[N]``."""
    return logits.scatter(1, labels[:, None], -torch.inf).argmax(1)


def low_margin(margins: Tensor, percent: int) -> float:
    """The margin of rank ``max(1, N * percent // 100)`` from below: the ``percent``-th percentile, no interpolation.

    Source: Dziugaite et al. 2020 (arXiv:2010.11924), whose code takes rank ``N // 10``, without its absolute value.

    >>> low_margin(torch.arange(20.0), 10)
    1.0
    """
    rank = max(1, len(margins) * percent // 100)
    return float(margins.kthvalue(rank).values)
