"""What normalisation makes of logits: cross-entropy and signal."""

import math

from torch import Tensor
from torch.nn.functional import cross_entropy


def normalised_cross_entropy(logits: Tensor, labels: Tensor, log_product: float) -> Tensor:
    """Mean cross-entropy of ``logits / exp(log_product)`` in nats, float64.

    Args:
        logits: ``[N, C]``.
        labels: Class indices ``[N]``.
        log_product: Natural logarithm of the product of the layers' norms.
    """
    return cross_entropy(logits.double() * math.exp(-log_product), labels)


def signal(logits: Tensor, labels: Tensor, log_product: float = 0.0) -> Tensor:
    """The mean of ``f_y - mean_j f_j`` for ``f = logits / exp(log_product)``, float64.

    For small f the cross-entropy is ln C less this, and terms of second order: so where logits are normalised, the
    loss hardly tells more than the signal does.

    Args:
        logits: ``[N, C]``.
        labels: Class indices ``[N]``.
        log_product: Natural logarithm of the product of the layers' norms; 0 leaves logits as they are.
    """
    f = logits.double() * math.exp(-log_product)
    return (f.gather(1, labels[:, None])[:, 0] - f.mean(1)).mean()
