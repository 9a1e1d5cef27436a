"""What normalisation makes of logits: cross-entropy and signal."""

import math

from torch import Tensor

from gengap.network.cross_entropy import losses

_PLAIN = 700.0  # exp of at most this is within float64


def normalised_cross_entropy(logits: Tensor, labels: Tensor, log_product: float) -> Tensor:
    """Mean cross-entropy of ``logits / exp(log_product)`` in nats, float64; infinite where it is beyond.

    Logits are taken from their greatest, so that one that is beyond float64 is a class without probability.

    Args:
        logits: ``[N, C]``.
        labels: Class indices ``[N]``, or probabilities of the classes, float64 ``[N, C]``.
        log_product: Natural logarithm of the product of the layers' norms.
    """
    scores = _divided(_below_greatest(logits), log_product)
    if labels.ndim == 2:
        terms = labels * scores.log_softmax(1)
        return -terms.where(labels > 0, 0.0).sum(1).mean()
    return losses(scores, labels).mean()


def log_of_large_loss(logits: Tensor, labels: Tensor, log_product: float) -> float:
    """Natural logarithm of ``normalised_cross_entropy`` where that is too large for float64.

    Every example's loss is then, but for at most ln C, how far its label's logit is below the greatest.
    """
    below = -_below_greatest(logits).gather(1, labels[:, None])
    return math.log(float(below.mean())) - log_product


def _below_greatest(logits: Tensor) -> Tensor:
    exact = logits.double()
    return exact - exact.amax(1, keepdim=True)


def _divided(values: Tensor, log_product: float) -> Tensor:
    """``values / exp(log_product)``; by logarithms where the divisor is beyond float64, though the quotient may not."""
    if abs(log_product) <= _PLAIN:
        return values * math.exp(-log_product)
    return values.sign() * (values.abs().log() - log_product).exp()


def signal(logits: Tensor, labels: Tensor, log_product: float = 0.0) -> Tensor:
    """The mean of ``f_y - mean_j f_j`` for ``f = logits / exp(log_product)``, float64.

    For small f the cross-entropy is ln C less this, and terms of second order: so where logits are normalised, the
    loss hardly tells more than the signal does.

    Args:
        logits: ``[N, C]``.
        labels: Class indices ``[N]``, or probabilities p of the classes, float64 ``[N, C]``; then f_y is sum_j p_j f_j.
        log_product: Natural logarithm of the product of the layers' norms; 0 leaves logits as they are.
    """
    exact = logits.double()
    own = (labels * exact).sum(1) if labels.ndim == 2 else exact.gather(1, labels[:, None])[:, 0]
    return _divided((own - exact.mean(1)).mean(), log_product)
