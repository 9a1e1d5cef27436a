"""Nearest neighbours on a problem whose Bayes error, and theirs, is known."""

import numpy as np
from numpy.typing import ArrayLike

from gengap import seeds
from gengap.arguments import finite_array, whole_number
from gengap.arrays import Floats
from gengap.errors import InputError, exact
from gengap.interpolate.trees.random_tree import Integers

RAMP_BAYES = 0.25
"""Bayes error of ``ramp``: the mean of min(p, 1 - p) for p even in [0, 1]."""


def ramp(n: int, n_features: int = 1, seed: int = 0) -> tuple[Floats, Integers, Floats]:
    """Points even in the unit cube, labels of 0 and 1, and the probability of a 1, which is the first coordinate.

    The Bayes error is 1/4 in every dimension.

    Args:
        n: How many points, at least 1.
        n_features: Dimension d, at least 1; all coordinates but the first say nothing.
        seed: Of points and labels.

    Returns:
        x ``[n, d]``, y ``[n]``, P(y = 1 | x) ``[n]``.

    Raises:
        InputError: n or n_features is no whole number of at least 1.
    """
    n, n_features = whole_number(n, "n"), whole_number(n_features, "n_features")
    rng = seeds.generator(seed, "ramp")
    x = rng.random((n, n_features))
    probability = x[:, 0]
    return x, (rng.random(n) < probability).astype(np.int64), probability


def true_risk(predictions: ArrayLike, probability: ArrayLike) -> float:
    """Probability that predictions of 0 and 1 are wrong at points where P(y = 1 | x) is known, averaged over these.

    Args:
        predictions: 0 or 1 for each point, ``[m]``.
        probability: P(y = 1 | x), in [0, 1], ``[m]``.

    Raises:
        InputError: Other predictions, probabilities outside [0, 1], shapes that do not match.

    >>> true_risk([1, 0], [0.75, 0.5])
    0.375
    """
    p, said = finite_array(probability, "probability"), finite_array(predictions, "predictions")
    if p.shape != said.shape:
        raise InputError(f"Predictions of shape {said.shape}, probabilities of {p.shape}.", expected="one shape")
    if not np.isin(said, (0, 1)).all():
        raise InputError(f"Predictions {np.unique(said)[:5].tolist()}.", expected="0 and 1")
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError(f"probability from {exact(p.min())} to {exact(p.max())}.", expected="numbers in [0, 1]")
    return float(np.where(said == 1, 1 - p, p).mean())


def neighbour_limit(k: int) -> float:
    """The error (k + 3) / (4 (k + 2)) that k nearest neighbours approach on ``ramp`` as n grows.

    One neighbour: 1/3, which is E[2 p (1 - p)] and, as for every problem, at most twice the Bayes error.

    Source: Cover and Hart 1967: given p, the neighbours' labels are k independent draws; the mean over p even in
    [0, 1] of the chance that their majority is not a further draw.

    Args:
        k: An odd number of neighbours, at least 1.

    Raises:
        InputError: k is no odd whole number of at least 1.

    >>> neighbour_limit(1) == 1 / 3, neighbour_limit(3)
    (True, 0.3)
    """
    k = whole_number(k, "k")
    if k % 2 == 0:
        raise InputError(f"k = {k}.", expected="an odd number, at least 1, so that no votes are equal")
    return (k + 3) / (4 * (k + 2))
