"""Kernels by name, one tile at a time; all at bandwidth 1, since points are divided by the bandwidth beforehand."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gengap.arguments import finite_array, real_number, whole_number
from gengap.errors import InputError, unknown
from gengap.interpolate.kernel import from_products
from gengap.interpolate.kernel.from_products import LARGE, NEAR, FromProducts
from gengap.interpolate.kernel.neural_tangent import NeuralTangent

# Squared distances below ``NEAR`` of ||a||^2 + ||b||^2 lose digits in the product and are computed again from
# differences: always where their root is taken, else where ||a||^2 + ||b||^2 reaches ``LARGE``, whose rounding shows.
_NEAR_VALUES = 1 << 20  # so many differences of features at a time
_MANY = 0.05  # above this part of a tile, all its distances are computed again


def gaussian(a: Tensor, b: Tensor) -> Tensor:
    """exp(-||a - b||^2 / 2)."""
    return _minus_half_squares(a, b, LARGE).exp_()


def laplacian(a: Tensor, b: Tensor) -> Tensor:
    """exp(-||a - b||)."""
    return _minus_half_squares(a, b, 0.0).mul_(-2).sqrt_().neg_().exp_()


def cauchy(a: Tensor, b: Tensor) -> Tensor:
    """1 / (1 + ||a - b||^2)."""
    return _minus_half_squares(a, b, LARGE).mul_(-2).add_(1).reciprocal_()


def _minus_half_squares(a: Tensor, b: Tensor, large: float) -> Tensor:
    """-||a_i - b_j||^2 / 2, at most 0, with an error of rounding in ``large`` or in 1,000 times its own size.

    The product alone errs by rounding in ||a_i||^2 + ||b_j||^2.
    """
    of_a, of_b = a.square().sum(1, keepdim=True), b.square().sum(1)
    result = torch.addmm(of_b, a, b.T, beta=-0.5).sub_(of_a, alpha=0.5).clamp_(max=0)
    if float(of_a.max() + of_b.max()) <= large:
        return result
    near = result >= (of_a + of_b).mul_(-0.5 * NEAR)
    if int(near.sum()) > _MANY * near.numel():
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square_().mul_(-0.5)
    for i, j in (pairs.T for pairs in torch.split(near.nonzero(), max(1, _NEAR_VALUES // a.shape[1]))):
        result[i, j] = (a[i] - b[j]).square_().sum(1).mul_(-0.5)
    return result


def laplacian_product(a: Tensor, b: Tensor) -> Tensor:
    """exp(-||a - b||_1)."""
    return torch.cdist(a, b, p=1).neg_().exp_()


def cauchy_product(a: Tensor, b: Tensor) -> Tensor:
    """prod_d 1 / (1 + (a_d - b_d)^2)."""
    factor, whole = a.new_empty(len(a), len(b)), a.new_ones(len(a), len(b))
    for of_a, of_b in zip(a.T, b.T, strict=True):
        torch.sub(of_a[:, None], of_b, out=factor)
        whole.mul_(factor.square_().add_(1))
    return whole.reciprocal_()


def linear(a: Tensor, b: Tensor) -> Tensor:
    """<a, b>."""
    return a @ b.T


def polynomial(a: Tensor, b: Tensor, degree: int, offset: float) -> Tensor:
    """(<a, b> + offset)^degree."""
    return (a @ b.T).add_(offset).pow_(degree)


def arc_cosine(a: Tensor, b: Tensor) -> Tensor:
    """||a|| ||b|| (sin t + (pi - t) cos t) / pi for the angle t between a and b: Cho and Saul 2009, order 1."""
    norms = torch.outer(a.norm(dim=1), b.norm(dim=1))
    cosine = (a @ b.T).div_(norms.clamp(min=torch.finfo(a.dtype).tiny)).clamp_(-1, 1)
    angle = cosine.arccos()
    return angle.sin().add_(cosine.mul_(math.pi - angle)).mul_(norms).div_(math.pi)


Between = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Kernel:
    """A kernel at bandwidth 1.

    Attributes:
        between: Points ``[m, d]`` and ``[k, d]`` to the tile ``[m, k]``, in their type.
        stationary: Whether it depends on a - b alone, so that points may be centred first, which loses fewer digits.
        features: What points become before all else; None: they stay.
        from_products: The same from inner products, for a matrix that is whole in memory; None where it is no function
            of these.
    """

    between: Between
    stationary: bool = False
    features: Callable[[Tensor], Tensor] | None = None
    from_products: FromProducts | None = None


_STATIONARY: dict[str, Between] = {
    "gaussian": gaussian,
    "laplacian": laplacian,
    "laplacian-product": laplacian_product,
    "cauchy": cauchy,
    "cauchy-product": cauchy_product,
}
_FROM_PRODUCTS: dict[str, FromProducts] = {
    "gaussian": from_products.gaussian,
    "laplacian": from_products.laplacian,
    "cauchy": from_products.cauchy,
}
KERNELS = (*_STATIONARY, "linear", "polynomial", "arc-cosine")


def named_kernel(name: str | NeuralTangent, degree: int = 3, offset: float = 1.0) -> Kernel:
    """The kernel of a name, or of a network.

    Args:
        name: One of ``KERNELS``, or a ``NeuralTangent``.
        degree: Of the polynomial kernel, at least 1.
        offset: Of the polynomial kernel, at least 0.

    Raises:
        InputError: An unknown name, a degree or offset out of range.
    """
    if isinstance(name, NeuralTangent):
        return Kernel(linear, features=name.fixed().gradients, from_products=from_products.linear)
    if not isinstance(name, str):
        raise unknown("kernel", name, KERNELS)
    if name in _STATIONARY:
        return Kernel(_STATIONARY[name], stationary=True, from_products=_FROM_PRODUCTS.get(name))
    if name == "linear":
        return Kernel(linear, from_products=from_products.linear)
    if name == "arc-cosine":
        return Kernel(arc_cosine, from_products=from_products.arc_cosine)
    if name != "polynomial":
        raise unknown("kernel", name, KERNELS)
    degree, offset = whole_number(degree, "degree"), real_number(offset, "offset", least=0)
    whole = partial(from_products.polynomial, degree=degree, offset=offset)
    return Kernel(partial(polynomial, degree=degree, offset=offset), from_products=whole)


SAMPLE = 1000  # training points whose distances are taken


def median_bandwidth(x: NDArray[Any], kernel: str, seed: int) -> float:
    """Half the median distance between 1,000 random training points; in the 1-norm for ``laplacian-product``.

    On MNIST's pixels in [0, 1] this is about 5, the bandwidth used there in the literature.

    Raises:
        InputError: More than half of the distances are zero; an unknown kernel, points or a seed that are none.
    """
    from scipy.spatial.distance import pdist

    if kernel not in KERNELS:
        raise unknown("kernel", kernel, KERNELS)
    x, seed = np.asarray(x), whole_number(seed, "seed", least=0)
    if x.ndim != 2 or len(x) < 2:
        raise InputError(f"x has shape {x.shape}.", expected="at least two points, as rows")
    chosen = np.random.default_rng(seed).permutation(len(x))[:SAMPLE]
    distances = pdist(finite_array(x[chosen], "x"), "cityblock" if kernel == "laplacian-product" else "euclidean")
    median = float(np.median(distances))
    if median == 0:
        raise InputError("Most training examples are equal.", next_step="give a bandwidth, or drop the repeated ones")
    return median / 2
