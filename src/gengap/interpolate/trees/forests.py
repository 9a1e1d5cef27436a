"""Forests that interpolate: perfect random trees (PERT), and scikit-learn's forests on standardised columns."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from gengap.arguments import whole_number
from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.interpolate.trees.random_tree import Integers, grow
from gengap.interpolate.validation import check_classes, random_state, validated

_DTYPES = (np.float64, np.float32)


class PerfectRandomForest(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An ensemble of perfect random trees, each of which gives every training point its label.

    At each node two of its examples of different classes are drawn at random, then one of the features in which they
    differ, then a threshold, even between their two values; until each leaf is pure. All trees see all examples. The
    class with most votes wins, the first of equals, so the forest interpolates as each tree does.

    Source: Cutler and Zhao 2001, "PERT: perfect random tree ensembles". They draw two examples anew where these are
    of one class, at most ten times; we draw evenly among pairs of different classes, so that no leaf is mixed.
    The trees are grown here: scikit-learn's ``ExtraTreeClassifier(max_features=1)`` draws its threshold between the
    smallest and the largest value in the node, whatever their classes, and its splitters cannot be extended in Python.

    Args:
        n_trees: Number of trees, at least 1.
        random_state: Seed, as scikit-learn takes it; with an integer, trees are nested: more of them begin with fewer.

    Attributes:
        trees_: The trees, as flat arrays.
        classes_: Names of the classes.
        train_error_: Fraction of the training points that the forest gets wrong: 0.

    Raises:
        InputError: In ``fit``: equal points with different labels (two of them are named), values for labels, NaN,
            n_trees below 1.

    >>> forest = PerfectRandomForest(n_trees=5, random_state=0).fit([[0.0], [1.0], [2.0]], ["a", "b", "a"])
    >>> forest.predict([[0.0], [1.0], [2.0]]).tolist()
    ['a', 'b', 'a']
    """

    def __init__(self, n_trees: int = 100, random_state: Any = None):
        self.n_trees = n_trees
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Grows the trees on points X ``[n, d]`` with labels y ``[n]``."""
        n_trees = whole_number(self.n_trees, "n_trees")
        points, labels = validated(self, X, y, dtype=_DTYPES)
        check_classes(labels)
        self.classes_, encoded = np.unique(labels, return_inverse=True)
        rng = random_state(self.random_state)
        self.trees_ = [grow(points, encoded, rng) for _ in range(n_trees)]
        self.train_error_ = float(np.mean(self._votes(points).argmax(axis=1) != encoded))
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Share of the trees that vote for each class: ``[m, C]``, in the order of ``classes_``."""
        return self._votes(self._points(X)) / len(self.trees_)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The class with most votes for each point of X ``[m, d]``."""
        chosen = self._votes(self._points(X)).argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def tree_predictions(self, X: ArrayLike) -> NDArray[Any]:
        """What each tree says of points X ``[m, d]``: ``[n_trees, m]``."""
        points = self._points(X)
        return np.asarray(self.classes_[np.stack([tree.labels(points) for tree in self.trees_])])

    def _points(self, X: ArrayLike) -> NDArray[Any]:
        check_is_fitted(self)
        return np.asarray(validated(self, X, dtype=_DTYPES, reset=False))

    def _votes(self, points: NDArray[Any]) -> Integers:
        votes = np.zeros((len(points), len(self.classes_)), dtype=np.int64)
        rows = np.arange(len(points))
        for tree in self.trees_:
            votes[rows, tree.labels(points)] += 1
        return votes


class ScaledForest(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A forest of scikit-learn's on columns of mean 0 and deviation 1; one whose trees do not interpolate is refused.

    scikit-learn's trees hold float32 and do not split values that differ by less than 1e-7, so that columns far from 0
    or of a small scale would lose what their points differ in.

    Attributes:
        forest_: The fitted forest, of standardised points.
        train_error_: Fraction of the votes on training points that are wrong: 0.

    Raises:
        InputError: In ``fit``: equal points with different labels, points too near each other for float32, NaN.
    """

    def __init__(self, forest: Any):
        self.forest = forest

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Standardises the columns of X ``[n, d]`` and fits the forest to labels y ``[n]``."""
        points, labels = validated(self, X, y, dtype=np.float64)
        check_classes(labels)
        self._scaler = StandardScaler().fit(points)
        self.forest_ = clone(self.forest).fit(self._scaler.transform(points), labels)
        self.classes_ = self.forest_.classes_
        missed = (self.tree_predictions(X) != labels).any(axis=0)
        if missed.any():
            raise InputError(
                f"{missed.sum()} of {len(missed)} training points, point {missed.argmax()} first, do not get their "
                "label from every tree.",
                expected="points that differ in float32 once columns have mean 0 and deviation 1, or have one label",
                next_step="drop equal points of different labels, and cut off outliers",
            )
        self.train_error_ = 0.0
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The class with most votes for each point of X ``[m, d]``."""
        points = self._scaled(X)
        return np.asarray(self.forest_.predict(points))

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Share of the trees that vote for each class: ``[m, C]``, in the order of ``classes_``."""
        points = self._scaled(X)
        return np.asarray(self.forest_.predict_proba(points))

    def tree_predictions(self, X: ArrayLike) -> NDArray[Any]:
        """What each tree says of points X ``[m, d]``: ``[n_trees, m]``."""
        points = self._scaled(X)
        return np.stack([self.classes_[tree.predict(points).astype(np.int64)] for tree in self.forest_.estimators_])

    def _scaled(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        return np.asarray(self._scaler.transform(validated(self, X, dtype=np.float64, reset=False)))


def forests(n_trees: int, random_state: int | None) -> Mapping[str, Any]:
    """Three ensembles of trees grown to purity on all examples, without bootstrap, by name; each interpolates.

    ``perfect-random`` draws feature and threshold at random, ``extra-trees`` takes the best of sqrt(d) random splits,
    ``random-forest`` the best thresholds of sqrt(d) random features; these two see standardised columns.

    Args:
        n_trees: Trees in each, at least 1.
        random_state: Seed of each, or None.

    Raises:
        InputError: A number out of range. In their ``fit``: equal points with different labels, NaN, points too near
            each other for scikit-learn's float32.
    """
    makers: dict[str, Callable[..., Any]] = {
        "extra-trees": ExtraTreesClassifier,
        "random-forest": RandomForestClassifier,
    }
    n_trees = whole_number(n_trees, "n_trees")
    if random_state is not None:
        random_state = whole_number(random_state, "random_state", least=0, most=2**32 - 1)
    options = {"n_estimators": n_trees, "bootstrap": False, "max_features": "sqrt", "random_state": random_state}
    return {
        "perfect-random": PerfectRandomForest(n_trees, random_state),
        **{name: ScaledForest(make(**options)) for name, make in makers.items()},
    }


def votes(forest: Any, X: ArrayLike) -> NDArray[Any]:
    """What each tree of a fitted forest says of points X ``[m, d]``: labels ``[T, m]``.

    Args:
        forest: One of ``forests``, or a forest of scikit-learn's classifiers, whose trees speak in indices.
        X: The points.
    """
    if isinstance(forest, PerfectRandomForest | ScaledForest):
        return forest.tree_predictions(X)
    points = np.asarray(X)
    return np.stack([forest.classes_[tree.predict(points).astype(np.int64)] for tree in forest.estimators_])
