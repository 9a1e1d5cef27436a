"""The matrix of least nuclear norm with given measurements, and a certificate of how far it is from the least."""

from dataclasses import dataclass, replace

import numpy as np

from gengap.arguments import real_number, whole_number
from gengap.arrays import Floats
from gengap.interpolate.factorisation.measurements import Measurements, nuclear_norm

_LOOK = 10  # steps between two computations of the certificate


@dataclass(frozen=True)
class NuclearSolution:
    """A matrix with the given measurements, and bounds on the least nuclear norm.

    Attributes:
        matrix: The matrix.
        norm: Its nuclear norm: the least is at most this.
        lower: The least is at least this: the value of a feasible point of the dual problem.
        gap: (norm - lower) / norm; at least 0, up to rounding and to what ``negative`` allows.
        residual: ||measurements - y|| / ||y||: rounding only.
        negative: Largest -eigenvalue / norm with ``psd``, else 0: how far the matrix is from positive semidefinite.
        steps: Steps after which this matrix was found.
        converged: Whether gap and ``negative`` are within the tolerance.
    """

    matrix: Floats
    norm: float
    lower: float
    gap: float
    residual: float
    negative: float
    steps: int
    converged: bool


def minimum_nuclear_norm(
    measurements: Measurements, y: Floats, *, psd: bool = False, tolerance: float = 1e-4, steps: int = 5000
) -> NuclearSolution:
    r"""Min ||X||_* subject to measurements(X) = y, by Douglas-Rachford splitting.

    Singular values are shrunk, and the result is projected on the measurements, in turn. The dual problem, max y^T nu
    with ||sum nu_i A_i||_2 <= 1 (with ``psd``: its largest eigenvalue <= 1), gives the lower bound, from the step
    itself.

    Source: Douglas and Rachford 1956 in the form of Combettes and Pesquet 2007; Recht, Fazel and Parrilo 2010 for the
    dual.

    Args:
        measurements: What is known of the matrix.
        y: The values, ``[m]``.
        psd: Only positive semidefinite matrices; the norm is then the trace.
        tolerance: Relative gap at which it stops, above 0, below 1.
        steps: At most so many, at least 1.

    Raises:
        InputError: y of another length, 0 or not finite; with psd, measurements that are not of symmetric matrices;
            numbers out of range.
    """
    tolerance, steps = real_number(tolerance, "tolerance", above=0, below=1), whole_number(steps, "steps")
    if psd:
        measurements.check_symmetric()
    known, values, unit = measurements.scaled(measurements.checked(y))
    result = _splitting(known, values, psd, tolerance, steps)
    return replace(result, matrix=result.matrix * unit, norm=result.norm * unit, lower=result.lower * unit)


def _splitting(measurements: Measurements, values: Floats, psd: bool, tolerance: float, steps: int) -> NuclearSolution:
    state = measurements.nearest(np.zeros(measurements.shape), values)
    threshold = float(np.linalg.norm(state, 2)) / 2
    best = _certified(measurements, values, state, np.zeros_like(state), psd, 0, tolerance)
    for step in range(1, steps + 1):
        shrunk = _shrink(state, threshold, psd)
        if step % _LOOK == 0 or step == steps:
            result = _certified(measurements, values, shrunk, (state - shrunk) / threshold, psd, step, tolerance)
            best = min(best, result, key=lambda each: abs(each.gap) + each.negative)
            if result.converged:
                return result
        state = state + measurements.nearest(2 * shrunk - state, values) - shrunk
    return best


def _shrink(X: Floats, threshold: float, psd: bool) -> Floats:
    """Singular values less the threshold, at least 0; with psd eigenvalues."""
    if psd:
        values, vectors = np.linalg.eigh((X + X.T) / 2)
        return np.asarray((vectors * np.maximum(values - threshold, 0)) @ vectors.T)
    left, result, right = np.linalg.svd(X, full_matrices=False)
    return np.asarray((left * np.maximum(result - threshold, 0)) @ right)


def _certified(
    measurements: Measurements, y: Floats, shrunk: Floats, dual: Floats, psd: bool, step: int, tolerance: float
) -> NuclearSolution:
    """The matrix projected on the measurements; ``dual`` projected on their span and scaled to be feasible."""
    matrix = measurements.nearest(shrunk, y)
    norm = nuclear_norm(matrix)
    nu = measurements.combination(measurements(dual))
    spanned = measurements.adjoint(nu)
    size = float(np.linalg.eigvalsh(spanned)[-1]) if psd else float(np.linalg.norm(spanned, 2))
    lower = float(y @ nu) / max(1.0, size)
    negative = max(0.0, -float(np.linalg.eigvalsh(matrix)[0])) / norm if psd else 0.0
    gap = (norm - lower) / norm
    return NuclearSolution(
        matrix=matrix,
        norm=norm,
        lower=lower,
        gap=gap,
        residual=float(np.linalg.norm(measurements(matrix) - y) / np.linalg.norm(y)),
        negative=negative,
        steps=step,
        converged=abs(gap) <= tolerance and negative <= tolerance,
    )
