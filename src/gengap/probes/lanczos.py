"""The smallest and the largest eigenvalues of a symmetric operator that is known by its products with vectors."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from gengap.arrays import Floats
from gengap.seeds import generator

STEPS = 120  # of one run at most, each with one product and one more vector in memory
MOST = STEPS // 2  # eigenvalues that can be asked for
RESIDUAL = 1e-2  # of an eigenvector, relative to the largest absolute eigenvalue, that counts as converged
Vector = NDArray[Any]


class ExtremeEigenvalues(NamedTuple):
    """What is known of the ends of a spectrum.

    Attributes:
        largest: The largest eigenvalues, in descending order, as often as they have eigenvectors.
        smallest: The smallest one.
        smallest_residual: ``|H v - lambda v|`` of it, ``|v| = 1``: some eigenvalue is no farther from it, and the
            smallest one may lie lower.
        residual: The largest ``|H v - lambda v| / max |lambda|`` among them, ``|v| = 1``.
        complete: Whether a search beside the largest converged to a smaller one than these; for one alone none is made.
    """

    largest: tuple[float, ...]
    smallest: float
    smallest_residual: float
    residual: float
    complete: bool


class _Run(NamedTuple):
    """One run of Lanczos' method beside known vectors, with relative residuals of its J Ritz values."""

    values: Floats
    residuals: Floats
    coefficients: Floats
    basis: list[Vector]

    def vector(self, index: int) -> Vector:
        """The Ritz vector of a value."""
        total = sum(c * v.astype(np.float64) for c, v in zip(self.coefficients[:, index], self.basis, strict=True))
        result: Vector = (total / np.linalg.norm(total)).astype(self.basis[0].dtype)
        return result


def extreme_eigenvalues(linear: Any, k: int, seed: int) -> ExtremeEigenvalues:
    """The smallest and the k largest eigenvalues of a symmetric operator, by Lanczos' method with deflation.

    One run sees one eigenvector of each eigenvalue. Further runs, orthogonal to the eigenvectors found, look for
    others until their largest eigenvalue is none of the k largest. Residuals bound the errors: those of the whole
    operator and those of its parts beside and along the vectors found differ by no more.

    Source: Parlett 1998, The Symmetric Eigenvalue Problem, sections 11.5 and 13.

    Args:
        linear: Of SciPy, of size P > k.
        k: At least 1, at most ``MOST``.
        seed: Of the random starts.
    """
    first = _run(linear, [], k, seed, 0, None)
    scale = float(np.abs(first.values).max()) or 1.0
    smallest = float(first.values[0])
    lower_residual = float(first.residuals[0])
    top = range(len(first.values) - 1, max(-1, len(first.values) - 1 - k), -1)
    pairs = [(float(first.values[i]), first.vector(i)) for i in top]
    del first
    complete = k == 1
    for search in range(1, k + 2):
        if complete or len(pairs) >= linear.shape[0]:
            break
        run = _run(linear, [v for _, v in pairs], 1, seed, search, scale)
        least = sorted((value for value, _ in pairs), reverse=True)[k - 1] if len(pairs) >= k else -np.inf
        larger = [i for i in range(len(run.values)) if run.values[i] > least]
        if not larger:
            complete = bool(run.residuals[-1] <= RESIDUAL)
            break
        pairs += [(float(run.values[i]), run.vector(i)) for i in larger if i == larger[-1] or _good(run, i)]
    pairs = sorted(pairs, key=lambda pair: -pair[0])[:k]
    residuals = [float(np.linalg.norm(np.asarray(linear @ v, dtype=np.float64) - value * v)) for value, v in pairs]
    residual = max(lower_residual, *(r / scale for r in residuals))
    return ExtremeEigenvalues(tuple(value for value, _ in pairs), smallest, lower_residual * scale, residual, complete)


def _good(run: _Run, index: int) -> bool:
    return bool(run.residuals[index] <= RESIDUAL / 2)


def _run(linear: Any, known: list[Vector], k: int, seed: int, search: int, scale: float | None) -> _Run:
    """Runs until the k largest values have converged, and the smallest too where no vector is known.

    Every vector is made orthogonal to all before it and to the known ones.
    """
    words = ("lanczos",) if not search else ("lanczos", search)
    start = _beside(generator(seed, *words).standard_normal(linear.shape[0]), known)
    basis = [(start / np.linalg.norm(start)).astype(linear.dtype)]
    diagonal: list[float] = []
    beside: list[float] = []
    while True:
        image = np.asarray(linear @ basis[-1], dtype=np.float64)
        diagonal.append(float(image @ basis[-1]))
        image = _beside(image, [*known, *basis])
        beside.append(float(np.linalg.norm(image)))
        values, vectors = eigh_tridiagonal(np.array(diagonal), np.array(beside[:-1]))
        size = scale or float(np.abs(values).max()) or 1.0
        residuals = beside[-1] * np.abs(vectors[-1]) / size
        wanted = [*([] if known else [0]), *range(max(0, len(values) - k), len(values))]
        enough = len(values) > k and residuals[wanted].max() <= RESIDUAL / 2
        last = len(basis) == min(STEPS, len(start) - len(known))
        if enough or last or beside[-1] <= 1e-12 * size:
            return _Run(np.asarray(values, dtype=np.float64), residuals, np.asarray(vectors, dtype=np.float64), basis)
        basis.append((image / beside[-1]).astype(linear.dtype))


def _beside(vector: Floats, others: list[Vector]) -> Floats:
    """The part of a vector orthogonal to others that are orthonormal."""
    for _ in range(2):  # once more, for what rounding left
        for other in others:
            vector = vector - (vector @ other) * other
    return vector
