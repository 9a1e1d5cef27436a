"""Empirical Rademacher complexity of norm-bounded linear and kernel classes, in closed form."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.seeds import generator

_CHUNK = 64  # sign vectors at a time: bounds the memory, not the result


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
    rows = _rows(x)
    upper = math.sqrt(float(np.square(rows).sum()))

    def norm(signs: Floats) -> Floats:
        return np.asarray(np.linalg.norm(signs @ rows, axis=1))

    return _complexity(norm, len(rows), radius, upper / math.sqrt(2), upper, draws, seed)


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
    K = _rows(gram)
    if K.shape[0] != K.shape[1] or not np.allclose(K, K.T, rtol=1e-6, atol=1e-9 * np.abs(K).max()):
        raise InputError(f"gram has shape {K.shape} or is not symmetric.", expected="a kernel matrix (n, n)")
    trace = float(np.trace(K))
    if np.diag(K).min() < 0:
        raise InputError("gram has a negative entry on its diagonal.", expected="a positive semi-definite matrix")

    def norm(signs: Floats) -> Floats:
        return np.asarray(np.sqrt(np.maximum(np.einsum("bi,bi->b", signs @ K, signs), 0.0)))

    return _complexity(norm, len(K), radius, math.sqrt(trace / 2), math.sqrt(trace), draws, seed)


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
    rows = _rows(x)
    n, features = rows.shape
    lower = math.sqrt(float(np.square(rows).sum(axis=0).max()) / 2)
    upper = float(np.abs(rows).max()) * math.sqrt(2 * math.log(2 * features) * n)

    def norm(signs: Floats) -> Floats:
        return np.asarray(np.abs(signs @ rows).max(axis=1))

    return _complexity(norm, n, radius, lower, upper, draws, seed)


def _rows(x: ArrayLike) -> Floats:
    values = np.asarray(x, dtype=np.float64)
    if values.ndim < 2 or values.size == 0 or not np.isfinite(values).all():
        raise InputError(f"Inputs of shape {values.shape}.", expected="finite numbers, one row an example")
    return values.reshape(len(values), -1)


def _complexity(
    norm: Callable[[Floats], Floats], n: int, radius: float, lower: float, upper: float, draws: int, seed: int
) -> ClassComplexity:
    """The mean of ``norm`` over draws of signs; all numbers times B / n."""
    if not (radius > 0 and math.isfinite(radius)) or draws < 2:
        raise InputError(f"radius = {radius:g}, draws = {draws}.", expected="radius > 0, draws >= 2")
    random = generator(seed, "rademacher")
    sizes = [min(_CHUNK, draws - start) for start in range(0, draws, _CHUNK)]
    values = np.concatenate([norm(2 * random.integers(0, 2, (size, n)).astype(np.float64) - 1) for size in sizes])
    scale, error = radius / n, float(values.std(ddof=1)) / math.sqrt(draws)
    return ClassComplexity(scale * float(values.mean()), scale * error, scale * lower, scale * upper)
