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

from gengap.arguments import finite_array, real_number, shown, whole_number
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
        InputError: NaN or infinity, another shape, no points, weights whose squares exceed float64.

    >>> effective_parameters(np.full((3, 4), 0.25)), effective_parameters(np.eye(4))
    (1.0, 4.0)
    """
    s = finite_array(weights, "weights", ndim=2)
    with np.errstate(over="ignore"):
        number = float(np.square(s).sum() * s.shape[1] / len(s))
    if not np.isfinite(number):
        raise InputError(
            f"weights reaches {np.abs(s).max():.3g}, and the sum of its squares exceeds float64.",
            expected="weights of which the squares can be summed, at most about 1e150",
        )
    return number


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

    x, at = _two_sets(X, X_at)
    k = whole_number(k, "k", most=len(x))
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
        InputError: A leaf without training points, shapes that do not fit, what is no number.

    >>> leaf_weights([3, 3, 5], [5, 3]).tolist()
    [[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]]
    """
    of_training, of_points = (_leaf_numbers(*pair) for pair in ((leaves, "leaves"), (leaves_at, "leaves_at")))
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
        trees: Fitted scikit-learn trees whose leaves predict means, grown on all training points, without bootstrap.
        X: The training points, ``[n, d]``.
        X_at: The other points, ``[m, d]``.

    Raises:
        InputError: Points that are not finite or have different features; and, when its turn comes, a tree that is not
            of this kind or was grown on other points.
    """
    x, at = _two_sets(X, X_at)
    return _forest_weights(_one_by_one(trees), x, at)


def _forest_weights(trees: Iterable[Any], x: Floats, at: Floats) -> Iterator[tuple[Floats, Floats]]:
    sums = [np.zeros((len(points), len(x))) for points in (x, at)]
    for count, tree in enumerate(trees, start=1):
        leaves = _training_leaves(tree, x)
        for total, points in zip(sums, (leaves, tree.apply(at)), strict=True):
            total += (leaf_weights(leaves, points) - total) / count
        yield sums[0], sums[1]


def boosting_weights(
    trees: Iterable[Any], X: ArrayLike, X_at: ArrayLike, shrinkage: float, y: ArrayLike | None = None
) -> Iterator[tuple[Floats, Floats]]:
    """Weights of L2-boosting after the first 1, 2, … trees, at training points and others: ``[n, n]``, ``[m, n]``.

    A tree with the weights T is fitted to what those before leave, so that S becomes S + shrinkage T (I - S_train).
    That is boosting of squared errors from 0: scikit-learn's ``GradientBoostingRegressor(init="zero")`` with its
    default loss. Trees do not tell from what start and for which loss they were fitted; with ``y`` it is checked.
    Both arrays are used again for the next round: copy what is to stay.

    Args:
        trees: Regression trees in the order in which they were fitted, as ``boosted_trees`` gives them.
        X: The training points, ``[n, d]``.
        X_at: The other points, ``[m, d]``.
        shrinkage: What each tree is multiplied by, in (0, 1].
        y: The training values, ``[n]`` or ``[n, outputs]``; None checks nothing.

    Raises:
        InputError: The shrinkage is out of its range, or as ``forest_weights``; and, when its turn comes, a tree that
            does not predict the means of what those before it leave of ``y``.
    """
    shrinkage = real_number(shrinkage, "shrinkage", above=0, most=1)
    x, at = _two_sets(X, X_at)
    values = None if y is None else finite_array(y, "y")
    if values is not None and (values.ndim not in (1, 2) or len(values) != len(x)):
        raise InputError(f"y has shape {values.shape}.", expected=f"a value for each of the {len(x)} training points")
    return _boosting_weights(_one_by_one(trees), x, at, shrinkage, values)


def _boosting_weights(
    trees: Iterable[Any], x: Floats, at: Floats, shrinkage: float, y: Floats | None
) -> Iterator[tuple[Floats, Floats]]:
    train, test = np.zeros((len(x), len(x))), np.zeros((len(at), len(x)))
    for count, tree in enumerate(trees, start=1):
        if y is not None:
            _check_fitted_to(tree, x, y - train @ y, count, np.abs(y).max())
        leaves, index = np.unique(_training_leaves(tree, x), return_inverse=True)
        left = _leaf_means(np.eye(len(x)) - train, index, len(leaves))  # what a leaf predicts of what is left
        left *= shrinkage
        train += left[index]
        test += left[np.searchsorted(leaves, tree.apply(at))]
        yield train, test


def _one_by_one(trees: Any) -> Iterable[Any]:
    """The trees.

    Raises:
        InputError: They are a whole ensemble, an array of several columns, or nothing that can be gone through.
    """
    if isinstance(trees, np.ndarray) and trees.ndim != 1:
        raise InputError(
            f"The trees are an array of shape {trees.shape}.",
            expected="one tree after the other",
            next_step="give estimators_[:, 0] of gradient boosting",
        )
    if hasattr(trees, "estimators_") or not isinstance(trees, Iterable) or isinstance(trees, str | bytes):
        raise InputError(
            f"{shown(trees)} instead of trees.",
            expected="fitted trees of scikit-learn, one after the other",
            next_step="give estimators_ of a fitted forest, estimators_[:, 0] of gradient boosting",
        )
    return trees


def _check_fitted_to(tree: Any, x: Floats, left: Floats, count: int, scale: float) -> None:
    """Raises InputError where a tree does not predict the means of what is left, in each of its leaves."""
    leaves, index = np.unique(_training_leaves(tree, x), return_inverse=True)
    means = _leaf_means(left.reshape(len(x), -1), index, len(leaves))[index]
    predicted = np.asarray(tree.predict(x), np.float64).reshape(len(x), -1)
    if predicted.shape != means.shape or not np.allclose(predicted, means, rtol=1e-6, atol=1e-6 * scale):
        raise InputError(
            f"Tree {count} does not predict the means of what those before it leave of y.",
            expected="L2-boosting from 0, each tree fitted to what is left by squared error, with this shrinkage",
            next_step="grow with init='zero' and loss='squared_error', and give the learning rate as shrinkage",
        )


def _two_sets(X: ArrayLike, X_at: ArrayLike) -> tuple[Floats, Floats]:
    """Training points and others, finite and of the same features."""
    x, at = finite_array(X, "X", ndim=2), finite_array(X_at, "X_at", ndim=2)
    if x.shape[1] != at.shape[1]:
        raise InputError(f"Training points have {x.shape[1]} features, the others {at.shape[1]}.")
    return x, at


def _leaf_numbers(leaves: ArrayLike, name: str) -> NDArray[Any]:
    try:
        numbers = np.asarray(leaves)
    except ValueError:  # rows of different lengths
        numbers = np.zeros((0, 0))
    if numbers.ndim != 1 or not len(numbers) or numbers.dtype.kind not in "iuf":
        raise InputError(f"{name} = {shown(leaves)}.", expected="one leaf a point, as a number, and at least one point")
    return numbers


def _training_leaves(tree: Any, x: Floats) -> NDArray[np.int64]:
    """The leaf of each training point, ``[n]``, of a tree that was grown on exactly these points.

    Raises:
        InputError: It is no fitted tree, its leaves do not predict means, or the counts in its leaves are not those of
            the points: it was grown on other points, on a bootstrap sample of them, or on weighted ones.
    """
    from sklearn.tree import BaseDecisionTree

    if not isinstance(tree, BaseDecisionTree) or not hasattr(tree, "tree_"):
        raise InputError(
            f"{shown(tree)} among the trees.",
            expected="fitted trees of scikit-learn",
            next_step="give estimators_ of a fitted forest",
        )
    if tree.criterion == "absolute_error":
        raise InputError("A tree of medians is no smoother.", expected="a criterion under which leaves predict means")
    if getattr(tree, "monotonic_cst", None) is not None:
        raise InputError(
            "A tree under monotonic constraints is no smoother: its leaves are moved from the means of their points.",
            expected="trees with monotonic_cst=None",
        )
    if tree.n_features_in_ != x.shape[1]:
        raise InputError(f"X has {x.shape[1]} features, a tree was grown on {tree.n_features_in_}.")
    leaves, grown = tree.apply(x), tree.tree_
    counts = np.bincount(leaves, minlength=grown.node_count)
    is_leaf = grown.children_left == -1
    weights = grown.weighted_n_node_samples / grown.weighted_n_node_samples[0]
    expected = np.where(is_leaf, grown.n_node_samples, 0)
    if (counts != expected).any() or not np.allclose(weights[is_leaf] * len(x), counts[is_leaf], rtol=1e-6):
        raise InputError(
            "A tree was grown on other points than X, or on weighted or repeated ones: its leaves hold other numbers.",
            expected="X as the tree was fitted to it, each point once and with the same weight",
            next_step="give the training points of the trees, and grow forests with bootstrap=False",
        )
    return np.asarray(leaves)


def _leaf_means(rows: Floats, index: NDArray[np.int64], count: int) -> Floats:
    """Means of the rows of each leaf, ``[leaves, n]``."""
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(count))
    sums = np.add.reduceat(rows[order], starts, axis=0)
    return np.asarray(sums / np.bincount(index, minlength=count)[:, None])
