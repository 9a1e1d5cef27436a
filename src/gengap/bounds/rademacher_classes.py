"""Empirical Rademacher complexity of norm-bounded linear and kernel classes, in closed form."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gengap.arguments import finite_array, kernel_matrix, power_of_two, real_number, whole_number
from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.seeds import generator

_CHUNK = 64  # sign vectors at a time: bounds the memory, not the result
_LEAST = 2.3e-308  # the least number that float64 holds with all its digits


class ClassComplexity(NamedTuple):
    """The empirical Rademacher complexity of a class, between two closed forms.

    Attributes:
        estimate: Its value as a mean over draws of the signs, the supremum being exact for each.
        standard_error: Of that mean.
        lower: At least this, whatever the draws.
        upper: At most this, whatever the draws.
    """

    estimate: float
    standard_error: float
    lower: float
    upper: float


def linear_rademacher(x: ArrayLike, radius: float = 1.0, *, draws: int = 1000, seed: int = 0) -> ClassComplexity:
    r"""For x -> <w, x> with ||w||_2 <= B: :math:`\frac{B}{n} E_\sigma \|\sum_i \sigma_i x_i\|_2`.

    It lies between :math:`\frac{B}{\sqrt 2 n} \sqrt{\sum \|x_i\|^2}` and sqrt(2) times that.

    Source: Mohri et al., Theorem 4.3 (upper); Kahane's inequality with Latala and Oleszkiewicz's constant (lower).

    Args:
        x: Inputs, shape (n, D); longer shapes are flattened.
        radius: B, above 0.
        draws: Sign vectors, at least 2.
        seed: Seed of the signs.

    Raises:
        InputError: An argument is out of its range.

    >>> found = linear_rademacher([[3.0, 4.0]])
    >>> found.estimate, round(found.lower, 4), found.upper
    (5.0, 3.5355, 5.0)
    """
    rows, scale = _rows(x)
    upper = math.sqrt(float(np.square(rows).sum()))

    def norm(signs: Floats) -> Floats:
        return np.asarray(np.linalg.norm(signs @ rows, axis=1))

    return _complexity(norm, len(rows), radius, scale, (upper / math.sqrt(2), upper), draws, seed)


def kernel_rademacher(gram: ArrayLike, radius: float = 1.0, *, draws: int = 1000, seed: int = 0) -> ClassComplexity:
    r"""For the ball of radius B of a kernel's space: :math:`\frac{B}{n} E_\sigma \sqrt{\sigma^\top K \sigma}`.

    It lies between :math:`\frac{B}{\sqrt 2 n} \sqrt{tr K}` and sqrt(2) times that.

    Source: Bartlett and Mendelson 2002, Lemma 22 (without their factor 2); the lower form as for linear classes.

    Args:
        gram: The kernel matrix K of the examples, shape (n, n), symmetric and positive semi-definite.
        radius: B, above 0.
        draws: Sign vectors, at least 2.
        seed: Seed of the signs.

    Raises:
        InputError: An argument is out of its range.
    """
    K = kernel_matrix(gram, "gram")
    scale = power_of_two(K)
    K = K / scale
    trace = float(np.trace(K))

    def norm(signs: Floats) -> Floats:
        return np.asarray(np.sqrt(np.maximum(np.einsum("bi,bi->b", signs @ K, signs), 0.0)))

    return _complexity(norm, len(K), radius, math.sqrt(scale), (math.sqrt(trace / 2), math.sqrt(trace)), draws, seed)


def l1_rademacher(x: ArrayLike, radius: float = 1.0, *, draws: int = 1000, seed: int = 0) -> ClassComplexity:
    r"""For x -> <w, x> with ||w||_1 <= B: :math:`\frac{B}{n} E_\sigma \|\sum_i \sigma_i x_i\|_\infty`.

    At most :math:`B \max_{ij} |x_{ij}| \sqrt{2 \ln(2D) / n}` (Massart's lemma for the 2D corners), and at least
    :math:`\frac{B}{\sqrt 2 n} \max_j \sqrt{\sum_i x_{ij}^2}` (Khintchine's inequality for one coordinate).

    Source: Mohri et al., Theorem 11.15, in the same form.

    Args:
        x: Inputs, shape (n, D); longer shapes are flattened.
        radius: B, above 0.
        draws: Sign vectors, at least 2.
        seed: Seed of the signs.

    Raises:
        InputError: An argument is out of its range.
    """
    rows, scale = _rows(x)
    n, features = rows.shape
    lower = math.sqrt(float(np.square(rows).sum(axis=0).max()) / 2)
    upper = float(np.abs(rows).max()) * math.sqrt(2 * math.log(2 * features) * n)

    def norm(signs: Floats) -> Floats:
        return np.asarray(np.abs(signs @ rows).max(axis=1))

    return _complexity(norm, n, radius, scale, (lower, upper), draws, seed)


def _rows(x: ArrayLike) -> tuple[Floats, float]:
    """Inputs as rows, divided by a power of two so that squares neither overflow nor underflow; and that power."""
    values = finite_array(x, "x")
    if values.ndim < 2:
        raise InputError(f"x has shape {values.shape}.", expected="at least two axes: one row an example")
    scale = power_of_two(values)
    return values.reshape(len(values), -1) / scale, scale


def _complexity(
    norm: Callable[[Floats], Floats],
    n: int,
    radius: float,
    scale: float,
    limits: tuple[float, float],
    draws: int,
    seed: int,
) -> ClassComplexity:
    """The mean of ``norm`` over draws of signs, and the closed forms; all numbers times B scale / n."""
    radius, draws = real_number(radius, "radius", above=0), whole_number(draws, "draws", least=2)
    random = generator(seed, "rademacher")
    sizes = [min(_CHUNK, draws - start) for start in range(0, draws, _CHUNK)]
    values = np.concatenate([norm(2 * random.integers(0, 2, (size, n)).astype(np.float64) - 1) for size in sizes])
    factor, error = radius / n * scale, float(values.std(ddof=1)) / math.sqrt(draws)
    result = ClassComplexity(factor * float(values.mean()), factor * error, factor * limits[0], factor * limits[1])
    if not math.isfinite(result.upper) or (limits[1] > 0 and result.upper < _LEAST):
        raise InputError(
            f"The complexity of inputs near {scale:.2g} at radius {radius:.2g} is outside what float64 holds.",
            next_step="rescale the inputs or the radius",
        )
    return result
