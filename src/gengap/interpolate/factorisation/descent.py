"""Gradient descent on the factors of a matrix: no penalty, and yet of low rank where it starts small."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gengap import seeds
from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.interpolate.factorisation.measurements import Measurements

Factors = list[Floats]
Product = Callable[[Factors], Floats]
Pullback = Callable[[Factors, Floats], Factors]
"""Gradients in the factors, from the gradient in their product."""


@dataclass(frozen=True)
class Factorised:
    """Where descent on factors went.

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
        steps: At most so many.
        tolerance: Relative residual at which it stops.
        seed: Of the start.

    Raises:
        InputError: y of another length, or 0, or not finite; numbers out of range.
    """
    if depth < 1 or not 0 < scale < np.inf:
        raise InputError(f"depth = {depth}, scale = {scale}.", expected="a depth of at least 1, a scale above 0")
    p, q = measurements.shape
    width, rng = max(p, q), seeds.generator(seed, "factors")
    sizes = [q, *[width] * (depth - 1), p]
    spread = scale ** (1 / depth) / np.sqrt(q)
    factors = [spread * rng.standard_normal((sizes[j + 1], sizes[j])) for j in range(depth)]
    return _descend(measurements, y, factors, _chain, _chain_gradients, change, steps, tolerance)


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
        steps: At most so many.
        tolerance: Relative residual at which it stops.

    Raises:
        InputError: Measurements that are not of symmetric matrices; y or numbers out of range.
    """
    if not 0 < scale < np.inf:
        raise InputError(f"scale = {scale}.", expected="above 0")
    measurements.check_symmetric()
    start = [scale * np.eye(measurements.shape[0])]
    return _descend(measurements, y, start, _square, _square_gradient, change, steps, tolerance)


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
    if not 1 <= rank <= min(measurements.shape):
        raise InputError(f"rank = {rank}.", expected=f"1 to {min(measurements.shape)}")
    back = measurements.adjoint(measurements.checked(y))
    if psd:
        measurements.check_symmetric()
        values, vectors = np.linalg.eigh(back)
        roots = np.sqrt(np.maximum(values[-rank:], 1e-3 * np.abs(values).max()))
        return _descend(measurements, y, [vectors[:, -rank:] * roots], _square, _square_gradient, 0.5, steps, tolerance)
    left, found, right = np.linalg.svd(back)
    roots = np.sqrt(found[:rank])
    start = [roots[:, None] * right[:rank], left[:, :rank] * roots]
    return _descend(measurements, y, start, _chain, _chain_gradients, 0.5, steps, tolerance)


def _descend(
    measurements: Measurements,
    y: Floats,
    factors: Factors,
    product: Product,
    pullback: Pullback,
    change: float,
    steps: int,
    tolerance: float,
) -> Factorised:
    """Gradient steps; one is taken where it lowers the loss by half of what the gradient promises."""
    y = measurements.checked(y)
    if not 0 < change < 1 or steps < 1:
        raise InputError(f"change = {change}, steps = {steps}.", expected="in (0, 1), and at least 1")
    size, rate, done = float(np.linalg.norm(y)), np.inf, 0
    matrix = product(factors)
    off = measurements(matrix) - y
    while done < steps and np.linalg.norm(off) > tolerance * size:
        gradients = pullback(factors, measurements.adjoint(off))
        steepness = _norm(gradients)
        if steepness == 0:
            break  # a saddle
        rate = min(1.5 * rate, change * _norm(factors) / steepness)
        while True:
            moved = [f - rate * g for f, g in zip(factors, gradients, strict=True)]
            matrix = product(moved)
            off_moved = measurements(matrix) - y
            if off_moved @ off_moved <= off @ off - rate * steepness**2 or rate * steepness < 1e-15 * _norm(factors):
                break
            rate /= 2
        factors, off, done = moved, off_moved, done + 1
    residual = float(np.linalg.norm(off)) / size
    return Factorised(matrix, residual, done, residual <= tolerance)


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
