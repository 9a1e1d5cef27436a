"""Gradient descent on the factors of a matrix: no penalty, and yet low rank from a small start."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gengap import seeds
from gengap.arguments import real_number, whole_number
from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.interpolate.factorisation.measurements import Measurements

Factors = list[Floats]
Product = Callable[[Factors], Floats]
Pullback = Callable[[Factors, Floats], Factors]
"""Gradients in the factors, from the gradient in their product."""


@dataclass(frozen=True)
class Factorised:
    """The result of descent on factors.

    Attributes:
        matrix: Their product.
        residual: ||measurements - y|| / ||y|| at the end.
        steps: Gradient steps taken.
        converged: Whether the residual is within the tolerance; otherwise the matrix is not the limit yet.
    """

    matrix: Floats
    residual: float
    steps: int
    converged: bool


def deep_descent(
    measurements: Measurements,
    y: Floats,
    *,
    depth: int = 2,
    scale: float = 1e-3,
    change: float = 0.05,
    steps: int = 20_000,
    tolerance: float = 1e-4,
    seed: int = 0,
) -> Factorised:
    """Descent on W = W_N ... W_1 with full-sized factors, on ||measurements(W) - y||^2 / 2.

    All factors take one step size, found by backtracking and bounded so that a step changes them by at most the
    fraction ``change`` of their norm: the path stays near gradient flow's, also past the saddle at 0.

    Source: Arora, Cohen, Hu and Luo 2019 (arXiv:1905.13655), whose start this is; they use RMSprop with one common
    step size. Depth 2 is W = U V^T; Gunasekar et al. 2017 (arXiv:1705.09280) use ``psd_descent``.

    Args:
        measurements: What is known of the matrix.
        y: The values, ``[m]``.
        depth: N, at least 1. Depth 1 finds the matrix of least Frobenius norm as the scale goes to 0.
        scale: Entries of each factor are normal with standard deviation scale^(1/N) q^(-1/2), q the columns of the
            matrix; above 0.
        change: Above 0, below 1.
        steps: At most so many, at least 1.
        tolerance: Relative residual at which it stops, at least 0, below 1.
        seed: Of the start.

    Raises:
        InputError: y of another length, or 0, or not finite; numbers out of range; a start so large beside y that
            float64 does not resolve the residual.
    """
    depth, limits = whole_number(depth, "depth"), _Limits(change, steps, tolerance)
    known, values, unit = measurements.scaled(measurements.checked(y))
    start = _start(scale, unit, limits)
    p, q = measurements.shape
    width, rng = max(p, q), seeds.generator(seed, "factors")
    sizes = [q, *[width] * (depth - 1), p]
    spread = start ** (1 / depth) / np.sqrt(q)
    factors = [spread * rng.standard_normal((sizes[j + 1], sizes[j])) for j in range(depth)]
    return _scaled(_descend(known, values, factors, _chain, _chain_gradients, limits), unit)


def psd_descent(
    measurements: Measurements,
    y: Floats,
    *,
    scale: float = 1e-3,
    change: float = 0.05,
    steps: int = 20_000,
    tolerance: float = 1e-4,
) -> Factorised:
    """Descent on X = U U^T from U = scale times the identity; steps as in ``deep_descent``.

    Source: Gunasekar et al. 2017 (arXiv:1705.09280) conjecture that as the scale goes to 0 the limit has the least
    nuclear norm among positive semidefinite matrices with these measurements, and prove it where these commute. With
    few measurements it has lower rank and a larger norm instead, as in Li, Luo and Lyu 2021 (arXiv:2012.09839).

    Args:
        measurements: What is known of a symmetric matrix.
        y: The values, ``[m]``.
        scale: Above 0.
        change: Above 0, below 1.
        steps: At most so many, at least 1.
        tolerance: Relative residual at which it stops, at least 0, below 1.

    Raises:
        InputError: Measurements that are not of symmetric matrices; y or numbers out of range; a start so large beside
            y that float64 does not resolve the residual.
    """
    limits = _Limits(change, steps, tolerance)
    measurements.check_symmetric()
    known, values, unit = measurements.scaled(measurements.checked(y))
    size = real_number(scale, "scale", above=0)
    start = [_start(size * size, unit, limits) ** 0.5 * np.eye(measurements.shape[0])]
    return _scaled(_descend(known, values, start, _square, _square_gradient, limits), unit)


def rank_constrained(
    measurements: Measurements, y: Floats, rank: int, *, psd: bool = False, steps: int = 20_000, tolerance: float = 1e-4
) -> Factorised:
    """A matrix of at most the given rank with these measurements, by descent on thin factors from a spectral start.

    The problem is not convex: where it has not converged, such a matrix may still exist.

    Source: the start by the leading singular vectors of the back-projected y, as in Jain, Netrapalli and Sanghavi 2013.

    Args:
        measurements: What is known of the matrix.
        y: The values, ``[m]``.
        rank: At least 1.
        psd: Takes X = U U^T.
        steps: At most so many.
        tolerance: Relative residual at which it stops.

    Raises:
        InputError: A rank out of range; with psd, measurements that are not of symmetric matrices.
    """
    rank, limits = whole_number(rank, "rank", most=min(measurements.shape)), _Limits(0.5, steps, tolerance)
    known, wanted, unit = measurements.scaled(measurements.checked(y))
    back = known.adjoint(wanted)
    if psd:
        measurements.check_symmetric()
        values, vectors = np.linalg.eigh(back)
        roots = np.sqrt(np.maximum(values[-rank:], 1e-3 * np.abs(values).max()))
        start = [vectors[:, -rank:] * roots]
        return _scaled(_descend(known, wanted, start, _square, _square_gradient, limits), unit)
    left, singular, right = np.linalg.svd(back)
    roots = np.sqrt(singular[:rank])
    start = [roots[:, None] * right[:rank], left[:, :rank] * roots]
    return _scaled(_descend(known, wanted, start, _chain, _chain_gradients, limits), unit)


@dataclass(frozen=True)
class _Limits:
    """Largest change of the factors in a step, most steps, and the relative residual that ends them."""

    change: float
    steps: int
    tolerance: float

    def __post_init__(self) -> None:
        real_number(self.change, "change", above=0, below=1)
        whole_number(self.steps, "steps")
        real_number(self.tolerance, "tolerance", least=0, below=1)


def _start(scale: float, unit: float, limits: _Limits) -> float:
    """The start's scale in units of the values."""
    start = real_number(scale, "scale", above=0) / unit
    most = max(limits.tolerance, 1e-12) / np.finfo(np.float64).eps
    if not 0 < start <= most:
        raise InputError(
            f"scale = {scale:g} for values near {unit:.2g}.",
            expected=f"a start of at most {most * unit:.2g}, beside which float64 resolves the residual",
            next_step="take a smaller scale, or rescale y",
        )
    return start


def _scaled(found: Factorised, unit: float) -> Factorised:
    return replace(found, matrix=found.matrix * unit)


def _descend(
    measurements: Measurements,
    y: Floats,
    factors: Factors,
    product: Product,
    pullback: Pullback,
    limits: _Limits,
) -> Factorised:
    """Gradient steps; one is taken where it lowers the loss by half of what the gradient promises."""
    size, rate, done = float(np.linalg.norm(y)), np.inf, 0
    matrix = product(factors)
    off = measurements(matrix) - y
    while done < limits.steps and np.linalg.norm(off) > limits.tolerance * size:
        gradients = pullback(factors, measurements.adjoint(off))
        steepness = _norm(gradients)
        if steepness == 0:
            break  # a saddle
        rate = min(1.5 * rate, limits.change * _norm(factors) / steepness)
        while True:
            moved = [f - rate * g for f, g in zip(factors, gradients, strict=True)]
            matrix = product(moved)
            off_moved = measurements(matrix) - y
            if off_moved @ off_moved <= off @ off - rate * steepness**2 or rate * steepness < 1e-15 * _norm(factors):
                break
            rate /= 2
        factors, off, done = moved, off_moved, done + 1
    residual = float(np.linalg.norm(off)) / size
    return Factorised(matrix, residual, done, residual <= limits.tolerance)


def _norm(factors: Factors) -> float:
    return float(np.sqrt(sum(np.vdot(f, f) for f in factors)))


def _chain(factors: Factors) -> Floats:
    """W_N ... W_1."""
    result = factors[0]
    for factor in factors[1:]:
        result = factor @ result
    return result


def _chain_gradients(factors: Factors, gradient: Floats) -> Factors:
    """(W_N ... W_j+1)^T G (W_j-1 ... W_1)^T for each j."""
    below: Factors = [np.eye(factors[0].shape[1])]
    for factor in factors[:-1]:
        below.append(factor @ below[-1])
    found, above = [], gradient
    for factor, under in zip(reversed(factors), reversed(below), strict=True):
        found.append(above @ under.T)
        above = factor.T @ above
    return found[::-1]


def _square(factors: Factors) -> Floats:
    """U U^T."""
    return np.asarray(factors[0] @ factors[0].T)


def _square_gradient(factors: Factors, gradient: Floats) -> Factors:
    return [2 * gradient @ factors[0]]
