"""Kernels, one tile at a time; all at bandwidth 1, since points are divided by the bandwidth beforehand."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Real

from torch import Tensor

from gengap.errors import InputError, unknown
from gengap.interpolate.kernels.inner import arc_cosine, linear, polynomial
from gengap.interpolate.kernels.neural_tangent import NeuralTangent
from gengap.interpolate.kernels.product import cauchy_product, laplacian_product
from gengap.interpolate.kernels.radial import cauchy, gaussian, laplacian

__all__ = ["KERNELS", "Kernel", "NeuralTangent", "named_kernel"]

Between = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Kernel:
    """A kernel at bandwidth 1.

    Attributes:
        between: Points ``[m, d]`` and ``[k, d]`` to the tile ``[m, k]``, in their type.
        stationary: Whether it depends on a - b alone, so that points may be centred first, which loses fewer digits.
        features: What points become before all else; None: they stay.
    """

    between: Between
    stationary: bool = False
    features: Callable[[Tensor], Tensor] | None = None


_STATIONARY: dict[str, Between] = {
    "gaussian": gaussian,
    "laplacian": laplacian,
    "laplacian-product": laplacian_product,
    "cauchy": cauchy,
    "cauchy-product": cauchy_product,
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
        return Kernel(linear, features=name.fixed().gradients)
    if name in _STATIONARY:
        return Kernel(_STATIONARY[name], stationary=True)
    if name == "linear":
        return Kernel(linear)
    if name == "arc-cosine":
        return Kernel(arc_cosine)
    if name != "polynomial":
        raise unknown("kernel", str(name), KERNELS)
    if not _at_least(degree, 1) or degree % 1 or not _at_least(offset, 0):
        raise InputError(
            f"degree = {degree!r}, offset = {offset!r}.",
            expected="a whole degree of at least 1, an offset of at least 0",
        )
    return Kernel(partial(polynomial, degree=int(degree), offset=float(offset)))


def _at_least(value: object, least: float) -> bool:
    return isinstance(value, Real) and least <= float(value) < float("inf")
