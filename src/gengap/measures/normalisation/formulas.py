"""The formulas: norms of layers and their product; cross-entropy and signal of normalised logits."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gengap.errors import InputError, exact
from gengap.network import WeightLayer
from gengap.network.cross_entropy import losses

L1_UNIT = 100.0  # the authors' code divides by ||W||_1 / 100, which leaves each layer an L1 norm of 100
_PLAIN = 700.0  # exp of at most this is within float64


def layer_norms(layers: Sequence[WeightLayer], p: float = 2, unit: float | None = None) -> list[float]:
    """The Lp norm of each layer's weights over ``unit``.

    The first layer's norm is that of weights and bias together, since its bias is the weight of a constant input.
    Later biases do not count: they are scaled along with what flows into their layer.

    Source: Liao et al. 2018 (arXiv:1807.09659), the normalisation of Figures 4 and 5, and the authors' code.

    Args:
        layers: In the order in which data pass them.
        p: At least 1; infinity is the largest absolute value. 2 is the Frobenius norm.
        unit: What a norm is counted in; None is 100 for p = 1, as in the paper, and 1 otherwise.

    Raises:
        InputError: p below 1, a unit that is not positive, or a layer of norm zero, by name.
    """
    unit = checked_unit(p, unit)
    norms = [_norm(_values(layer, first=layer is layers[0]), p) for layer in layers]
    for layer, norm in zip(layers, norms, strict=True):
        if norm == 0:
            raise InputError(
                f"Every weight of layer {layer.name} is zero, so that it cannot be normalised.",
                expected="layers whose norm is positive",
                next_step="check whether training has switched the layer off",
            )
    return [norm / unit for norm in norms]


def checked_unit(p: float, unit: float | None) -> float:
    """What an Lp norm is counted in: ``unit``, and for None 100 where p = 1, as in the paper, else 1.

    Raises:
        InputError: p below 1, or a unit that is not positive.
    """
    if not p >= 1:
        raise InputError(f"There is no L{exact(p)} norm.", expected="p of at least 1: 2 is the Frobenius norm")
    if unit is None:
        return L1_UNIT if p == 1 else 1.0
    if not (math.isfinite(unit) and unit > 0):
        raise InputError(f"A unit of {unit}.", expected="a positive number")
    return unit


def log_product_norm(layers: Sequence[WeightLayer], p: float = 2, unit: float | None = None) -> float:
    """The natural logarithm of the product of ``layer_norms``, which no float overflows."""
    return math.fsum(map(math.log, layer_norms(layers, p, unit)))


def _norm(values: Tensor, p: float) -> float:
    """The Lp norm, with the largest value taken out first, so that no power overflows or vanishes."""
    largest = float(values.abs().max())
    return largest and largest * float(torch.linalg.vector_norm(values / largest, p))


def _values(layer: WeightLayer, *, first: bool) -> Tensor:
    if first and layer.bias is not None:
        return torch.cat([layer.weight.flatten(), layer.bias])
    return layer.weight.flatten()


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
    loss carries hardly more information than the signal.

    Args:
        logits: ``[N, C]``.
        labels: Class indices ``[N]``, or probabilities p of the classes, float64 ``[N, C]``; then f_y is sum_j p_j f_j.
        log_product: Natural logarithm of the product of the layers' norms; 0 leaves logits as they are.
    """
    exact = logits.double()
    own = (labels * exact).sum(1) if labels.ndim == 2 else exact.gather(1, labels[:, None])[:, 0]
    return _divided((own - exact.mean(1)).mean(), log_product)
