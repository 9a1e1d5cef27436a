"""What training measures and penalises of a network's scores, beside its loss."""

import torch
from torch import Tensor


def darc1_term(scores: Tensor) -> Tensor:
    r"""The largest mean absolute score, :math:`\max_k \frac1B \sum_i |f_k(x_i)|`, of scores ``[B, C]``.

    Source: Kawaguchi, Kaelbling and Bengio 2017 (arXiv:1710.05468), DARC1: it bounds the Rademacher complexity of
    the network's outputs in expectation.

    >>> float(darc1_term(torch.tensor([[1.0, -5.0], [3.0, 1.0]])))
    3.0
    """
    return scores.abs().mean(0).amax()


def top_hits(scores: Tensor, labels: Tensor, k: int) -> Tensor:
    """How many of B labels are among the k largest of their scores ``[B, C]``; of equal scores the first ones are.

    A label whose score is NaN is none of them, and a NaN of another class stands before every number.

    >>> int(top_hits(torch.tensor([[3.0, 2.0, 1.0], [0.0, 0.0, 0.0]]), torch.tensor([1, 2]), 2))
    1
    """
    own = scores.gather(-1, labels[:, None])
    earlier = torch.arange(scores.shape[-1], device=scores.device) < labels[:, None]
    before = ~(scores <= own) | ((scores == own) & earlier)
    return ((before.sum(-1) < k) & ~own[:, 0].isnan()).sum()
