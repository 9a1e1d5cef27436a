"""Linear models that memorise anything, and solutions of any norm that predict the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import svd

from gengap import seeds
from gengap.arguments import finite_array, real_number
from gengap.arrays import Floats, euclidean_norm
from gengap.errors import InputError


@dataclass(frozen=True)
class FarSolution:
    """Weights w far from given ones w*, with nearly the same predictions on training and test examples.

    Attributes:
        weights: w, ``[n, s]``.
        norm, distance: Frobenius norms of w and of w - w*.
        train_off, test_off: Frobenius norms of what w predicts less what w* does, measured; rounding included.
        epsilon, delta: What they may be besides rounding.
        rounding: What rounding alone may add: machine epsilon, times n, times the norms of features and weights.
        rank: Numerical rank of training and test features together; below n.
    """

    weights: Floats
    norm: float
    distance: float
    train_off: float
    test_off: float
    epsilon: float
    delta: float
    rounding: float
    rank: int

    @property
    def holds(self) -> bool:
        """Whether predictions are as near as was asked for, up to rounding."""
        return self.train_off <= self.epsilon + self.rounding and self.test_off <= self.delta + self.rounding


def memorising_weights(features: ArrayLike, targets: ArrayLike) -> Floats:
    """The smallest weights that give every training example its target, whatever these are.

    Source: Kawaguchi, Kaelbling and Bengio 2017 (arXiv:1710.05468), Theorem 1 (i).

    Args:
        features: Phi, ``[m, n]`` of rank m.
        targets: Y, ``[m, s]``.

    Raises:
        InputError: The rank is below m; NaN; shapes that do not match.
    """
    phi, y = finite_array(features, "features", ndim=2), finite_array(targets, "targets", ndim=2)
    if len(phi) != len(y):
        raise InputError(f"{len(phi)} examples but {len(y)} targets.")
    weights, _, rank, _ = np.linalg.lstsq(phi, y, rcond=None)
    if rank < len(phi):
        raise InputError(
            f"The features of {len(phi)} examples have rank {rank}.",
            expected=f"rank {len(phi)}: only then every set of targets can be fitted",
            next_step="take more features, or fewer examples, and no example twice",
        )
    return np.asarray(weights)


def far_solutions(
    features: ArrayLike,
    features_test: ArrayLike,
    solution: ArrayLike,
    distances: Sequence[float],
    *,
    epsilon: float = 0.0,
    delta: float = 0.0,
    seed: int = 0,
) -> list[FarSolution]:
    r"""Weights at each of some distances from a solution, or further, with predictions within epsilon and delta.

    w = w* + t N + p: N, of norm 1, is drawn from the null space of training and test features together, so that no
    example sees it; p, in their row space, moves predictions by epsilon A and delta B with norms of A and B at most 1;
    it is as large as these allow, so 0 where epsilon or delta is. The norm of w says nothing about its test error,
    however many examples there are.

    Source: Kawaguchi, Kaelbling and Bengio 2017 (arXiv:1710.05468), Theorem 1 (ii); Corollary 2 where n <= m.

    Args:
        features: Phi, ``[m, n]``.
        features_test: Phi_test, ``[m_test, n]``.
        solution: w*, ``[n, s]``.
        distances: t, at least 0; all are reached in one direction.
        epsilon: How far training predictions may move, at least 0.
        delta: How far test predictions may move, at least 0.
        seed: Of N and p.

    Raises:
        InputError: All n features are needed, so that there is no N; numbers out of range; NaN; bad shapes.
    """
    named = {"features": features, "features_test": features_test, "solution": solution}
    phi, phi_test, star = (finite_array(values, name, ndim=2) for name, values in named.items())
    if not (phi.shape[1] == phi_test.shape[1] == len(star)):
        raise InputError(f"Features {phi.shape} and {phi_test.shape}, weights {star.shape}.", expected="equal n")
    epsilon, delta = real_number(epsilon, "epsilon", least=0), real_number(delta, "delta", least=0)
    distances = [real_number(distance, "distances", least=0) for distance in distances]
    rows = _row_space(np.vstack([phi, phi_test]))
    if len(rows) == phi.shape[1]:
        raise InputError(
            f"Training and test features have rank {len(rows)}, the number of features.",
            expected="a lower rank: else the examples fix the weights",
            next_step="take more features, or fewer examples",
        )
    rng = seeds.generator(seed, "far solution")
    null = _unit(_without(rows, _without(rows, rng.standard_normal(star.shape))))  # twice: the first leaves rounding
    moved = rows.T @ rng.standard_normal((len(rows), star.shape[1]))
    moved *= _largest_factor((phi @ moved, epsilon), (phi_test @ moved, delta))
    return [_measured(phi, phi_test, star, star + t * null + moved, (epsilon, delta), len(rows)) for t in distances]


def _measured(
    phi: Floats, phi_test: Floats, star: Floats, weights: Floats, allowed: tuple[float, float], rank: int
) -> FarSolution:
    return FarSolution(
        weights=weights,
        norm=euclidean_norm(weights),
        distance=euclidean_norm(weights - star),
        train_off=euclidean_norm(phi @ weights - phi @ star),
        test_off=euclidean_norm(phi_test @ weights - phi_test @ star),
        epsilon=allowed[0],
        delta=allowed[1],
        rounding=_rounding(phi, phi_test, weights, star),
        rank=rank,
    )


def _row_space(features: Floats) -> Floats:
    """Orthonormal rows that span those of the features."""
    _, values, rows = svd(features, full_matrices=False, check_finite=False)
    cut = values[0] * max(features.shape) * np.finfo(np.float64).eps
    return np.asarray(rows[values > cut])


def _without(rows: Floats, weights: Floats) -> Floats:
    return np.asarray(weights - rows.T @ (rows @ weights))


def _unit(weights: Floats) -> Floats:
    return np.asarray(weights / euclidean_norm(weights))


def _largest_factor(*moves: tuple[Floats, float]) -> float:
    """The largest factor with which each move stays within its limit; where nothing moves, 1."""
    factors = [limit / size for move, limit in moves if (size := euclidean_norm(move)) > 0]
    return min(factors, default=1.0)


def _rounding(phi: Floats, phi_test: Floats, weights: Floats, star: Floats) -> float:
    """What n products and sums in float64 can be off by, for the larger of the two sets of predictions."""
    size = max(euclidean_norm(each) for each in (phi, phi_test))
    norms = euclidean_norm(weights) + euclidean_norm(star)
    return float(np.finfo(np.float64).eps * phi.shape[1] * size * norms)
