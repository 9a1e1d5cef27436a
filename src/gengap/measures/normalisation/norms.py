"""The norm of each layer of a chain, and their product."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gengap.errors import InputError, exact
from gengap.network import WeightLayer

L1_UNIT = 100.0  # the authors' code divides by ||W||_1 / 100, which leaves each layer an L1 norm of 100


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
