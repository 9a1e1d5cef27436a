r"""Smoothers: rules whose prediction is a weighted sum of training values, and how many parameters they use.

Given the structure that was fitted (a tree's leaves, a map of features, a kernel), least squares, trees, boosting,
neighbours and kernel machines all predict :math:`\hat f(x) = \sum_i s_i(x) y_i`. Here are their weights
:math:`s(x)`, one row a point, and the effective number of parameters, which says how much a prediction would move with
noise in the training values.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.arguments import finite_array, real_number, whole_number
from gengap.arrays import Floats
from gengap.errors import InputError


def effective_parameters(weights: ArrayLike) -> float:
    r"""Effective number of parameters at some points: :math:`\frac nm \sum_{j=1}^m \|s(x_j)\|^2`.

    Noise of variance v in the training values adds v / n times this to the variance of a prediction, averaged over the
    points. On the training points of least squares on N < n independent features it is N, of k nearest neighbours n/k
    at any points, of a rule that fits every training value n; on other points it may be less or more.

    Source: Curth, Jeffares and van der Schaar 2023 (arXiv:2310.18988), the generalised effective number of parameters;
    on the training points of a linear smoother S it is tr(S S^T) (Hastie and Tibshirani 1990).

    Args:
        weights: s, one row a point: ``[m, n]`` for n training values.

    Raises:
        InputError: NaN or infinity, another shape, no points.

    >>> effective_parameters(np.full((3, 4), 0.25)), effective_parameters(np.eye(4))
    (1.0, 4.0)
    """
    s = finite_array(weights, "weights", ndim=2)
    if not s.size:
        raise InputError(f"Weights of shape {s.shape}.", expected="[points, training values], at least one of each")
    return float(np.square(s).sum() * s.shape[1] / len(s))


def neighbour_weights(X: ArrayLike, X_at: ArrayLike, k: int) -> Floats:
    """Weights of k nearest neighbours, 1/k for each of them: ``[m, n]``.

    Args:
        X: Training points, ``[n, d]``.
        X_at: Where to predict, ``[m, d]``.
        k: Neighbours, 1 to n; of equally near ones those that scikit-learn takes.

    Raises:
        InputError: A k out of its range, NaN, shapes that do not match.
    """
    from sklearn.neighbors import NearestNeighbors

    x, at = finite_array(X, "X", ndim=2), finite_array(X_at, "X_at", ndim=2)
    k = whole_number(k, "k", most=len(x))
    if x.shape[1] != at.shape[1]:
        raise InputError(f"Training points have {x.shape[1]} features, the others {at.shape[1]}.")
    nearest = NearestNeighbors(n_neighbors=k).fit(x).kneighbors(at, return_distance=False)
    weights = np.zeros((len(at), len(x)))
    weights[np.arange(len(at))[:, None], nearest] = 1 / k
    return weights


def leaf_weights(leaves: ArrayLike, leaves_at: ArrayLike) -> Floats:
    """Weights of one tree: each training point of a point's leaf has one over their number: ``[m, n]``.

    Args:
        leaves: The leaf of each training point, ``[n]``, as scikit-learn's ``apply`` gives it.
        leaves_at: Those of other points, ``[m]``.

    Raises:
        InputError: A leaf without training points, shapes that do not fit.

    >>> leaf_weights([3, 3, 5], [5, 3]).tolist()
    [[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]]
    """
    of_training, of_points = np.asarray(leaves), np.asarray(leaves_at)
    if of_training.ndim != 1 or of_points.ndim != 1 or not len(of_training):
        raise InputError(f"Leaves of shapes {of_training.shape} and {of_points.shape}.", expected="one leaf a point")
    same = of_points[:, None] == of_training[None, :]
    sizes = same.sum(axis=1, keepdims=True)
    if not sizes.all():
        raise InputError(
            f"Leaf {of_points[int(np.argmin(sizes))]} holds no training point.",
            expected="the leaves of the points that the tree was grown on",
        )
    return np.asarray(same / sizes)


def forest_weights(trees: Iterable[Any], X: ArrayLike, X_at: ArrayLike) -> Iterator[tuple[Floats, Floats]]:
    """Weights of the average of the first 1, 2, … trees, at the training points and at others: ``[n, n]``, ``[m, n]``.

    Both arrays are used again for the next number of trees: copy what is to stay.

    Args:
        trees: Fitted trees with scikit-learn's ``apply``, grown on all training points, without bootstrap.
        X: The training points.
        X_at: The other points.
    """
    x, at = np.asarray(X), np.asarray(X_at)
    sums = [np.zeros((len(points), len(x))) for points in (x, at)]
    for count, tree in enumerate(trees, start=1):
        leaves = tree.apply(x)
        for total, points in zip(sums, (x, at), strict=True):
            total += (leaf_weights(leaves, tree.apply(points)) - total) / count
        yield sums[0], sums[1]


def boosting_weights(
    trees: Iterable[Any], X: ArrayLike, X_at: ArrayLike, shrinkage: float
) -> Iterator[tuple[Floats, Floats]]:
    """Weights of L2-boosting after the first 1, 2, … trees, at training points and others: ``[n, n]``, ``[m, n]``.

    A tree with the weights T is fitted to what those before leave, so that S becomes S + shrinkage T (I - S_train).
    Both arrays are used again for the next round: copy what is to stay.

    Args:
        trees: Regression trees in the order in which they were fitted, as ``boosted_trees`` gives them.
        X: The training points.
        X_at: The other points.
        shrinkage: What each tree is multiplied by, in (0, 1].

    Raises:
        InputError: The shrinkage is out of its range.
    """
    shrinkage = real_number(shrinkage, "shrinkage", above=0, most=1)
    x, at = np.asarray(X), np.asarray(X_at)
    train, test = np.zeros((len(x), len(x))), np.zeros((len(at), len(x)))
    for tree in trees:
        leaves, index = np.unique(tree.apply(x), return_inverse=True)
        left = _leaf_means(np.eye(len(x)) - train, index, len(leaves))  # what a leaf predicts of what is left
        left *= shrinkage
        train += left[index]
        test += left[np.searchsorted(leaves, tree.apply(at))]
        yield train, test


def _leaf_means(rows: Floats, index: NDArray[np.int64], count: int) -> Floats:
    """Means of the rows of each leaf, ``[leaves, n]``."""
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(count))
    sums = np.add.reduceat(rows[order], starts, axis=0)
    return np.asarray(sums / np.bincount(index, minlength=count)[:, None])
