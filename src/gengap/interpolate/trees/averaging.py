"""The averaging argument: why the mean of interpolating trees is better than each of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.interpolate.checked import validated
from gengap.interpolate.trees.pert import PerfectRandomForest


@dataclass(frozen=True)
class Averaging:
    r"""What an average of trees gains on points that they were not grown on.

    With votes as 0 and 1, v_t for tree t, and their mean v: squared loss averages over points, sums over classes.

    Attributes:
        trees, points: How many.
        tree_error, forest_error: Mean error of single trees, and the error of their majority (first of equals).
        best_tree_error: Error of the best tree.
        tree_loss, forest_loss: Squared loss of single trees, on average, and of v; never larger for v.
        ambiguity: Mean squared distance of the trees from v: exactly tree_loss - forest_loss.
        correlation: Mean over pairs of trees of the correlation, over points, of being wrong; None with one tree, or
            where a tree is right, or wrong, everywhere.
        strength: Mean over points of (share of votes for the label) - (largest share of another class).
        bound: Breiman's rho (1 - s^2) / s^2 with s the strength and rho the mean correlation of raw margins on these
            points: at least the forest's error. None unless s > 0.
    """

    trees: int
    points: int
    tree_error: float
    forest_error: float
    best_tree_error: float
    tree_loss: float
    forest_loss: float
    ambiguity: float
    correlation: float | None
    strength: float
    bound: float | None


def averaging(predictions: ArrayLike, y: ArrayLike) -> Averaging:
    """What the majority of trees gains over single ones.

    Source: Krogh and Vedelsby 1995 for the ambiguity; Breiman 2001, "Random forests", Theorem 2.3 for the bound.

    Args:
        predictions: What each tree says of each point, ``[T, m]``, as ``votes`` gives it.
        y: Labels of the points, ``[m]``.

    Raises:
        InputError: Shapes that do not match, fewer than two classes.
    """
    said, truth = np.asarray(predictions), np.asarray(y)
    if said.ndim != 2 or truth.ndim != 1 or said.shape[1] != len(truth) or not said.size:
        raise InputError(f"Predictions {said.shape} for labels {truth.shape}.", expected="[trees, points] and [points]")
    classes, encoded = np.unique(np.concatenate([said.ravel(), truth]), return_inverse=True)
    if len(classes) < 2:
        raise InputError("There is one class only.", expected="at least two classes among predictions and labels")
    said, truth = encoded[: said.size].reshape(said.shape), encoded[said.size :]
    wrong = said != truth
    shares = np.stack([(said == c).mean(axis=0) for c in range(len(classes))], axis=1)
    forest_loss = float(((shares - np.eye(len(classes))[truth]) ** 2).sum(axis=1).mean())
    margins, rivals = _margins(shares, truth)
    strength = float(margins.mean())
    raw = (said == truth).astype(np.float64) - (said == rivals)
    return Averaging(
        trees=len(said),
        points=len(truth),
        tree_error=float(wrong.mean()),
        forest_error=float(np.mean(shares.argmax(axis=1) != truth)),
        best_tree_error=float(wrong.mean(axis=1).min()),
        tree_loss=2 * float(wrong.mean()),
        forest_loss=forest_loss,
        ambiguity=float(1 - (shares**2).sum(axis=1).mean()),
        correlation=_mean_correlation(wrong),
        strength=strength,
        bound=_breiman(raw, margins, strength),
    )


def _margins(shares: Floats, truth: NDArray[Any]) -> tuple[Floats, NDArray[Any]]:
    """Share of the label less that of its strongest rival, and the rival."""
    rows = np.arange(len(truth))
    others = shares.copy()
    others[rows, truth] = -1
    rivals = others.argmax(axis=1)
    return shares[rows, truth] - shares[rows, rivals], rivals


def _mean_correlation(wrong: NDArray[np.bool_]) -> float | None:
    """By the variance of the sum of standardised columns: T + T (T - 1) times the mean correlation."""
    deviations = wrong - wrong.mean(axis=1, keepdims=True)
    spread = deviations.std(axis=1, keepdims=True)
    count = len(wrong)
    if count < 2 or not spread.all():
        return None
    together = float(((deviations / spread).sum(axis=0) ** 2).mean())
    return (together - count) / (count * (count - 1))


def _breiman(raw: Floats, margins: Floats, strength: float) -> float | None:
    """var(margin) = rho (mean sd)^2 defines rho, and E (sd)^2 <= 1 - s^2."""
    spread = float(raw.std(axis=1).mean())
    if strength <= 0 or spread == 0:
        return None
    rho = float(margins.var()) / spread**2
    return rho * (1 - strength**2) / strength**2


class _ScaledForest(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
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
        points, labels = validated(self, X, y, dtype=np.float64)
        try:
            check_classification_targets(labels)
        except ValueError as error:
            raise InputError(str(error)) from error
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
        return np.asarray(self.forest_.predict(self._scaled(X)))

    def predict_proba(self, X: ArrayLike) -> Floats:
        return np.asarray(self.forest_.predict_proba(self._scaled(X)))

    def tree_predictions(self, X: ArrayLike) -> NDArray[Any]:
        points = self._scaled(X)
        return np.stack([self.classes_[tree.predict(points).astype(np.int64)] for tree in self.forest_.estimators_])

    def _scaled(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        return np.asarray(self._scaler.transform(validated(self, X, dtype=np.float64, reset=False)))


def forests(n_trees: int, random_state: int) -> Mapping[str, Any]:
    """Three ensembles of trees grown to purity on all examples, without bootstrap, by name; each interpolates.

    ``perfect-random`` draws feature and threshold at random, ``extra-trees`` takes the best of sqrt(d) random splits,
    ``random-forest`` the best thresholds of sqrt(d) random features; these two see standardised columns.

    Args:
        n_trees: Trees in each.
        random_state: Seed of each.

    Raises:
        InputError: In their ``fit``: equal points with different labels, NaN, points too near each other for
            scikit-learn's float32.
    """
    makers: dict[str, Callable[..., Any]] = {
        "extra-trees": ExtraTreesClassifier,
        "random-forest": RandomForestClassifier,
    }
    options = {"n_estimators": n_trees, "bootstrap": False, "max_features": "sqrt", "random_state": random_state}
    return {
        "perfect-random": PerfectRandomForest(n_trees, random_state),
        **{name: _ScaledForest(make(**options)) for name, make in makers.items()},
    }


def votes(forest: Any, X: ArrayLike) -> NDArray[Any]:
    """What each tree of a fitted forest says of points X ``[m, d]``: labels ``[T, m]``.

    Args:
        forest: One of ``forests``, or a forest of scikit-learn's classifiers, whose trees speak in indices.
        X: The points.
    """
    if isinstance(forest, PerfectRandomForest | _ScaledForest):
        return forest.tree_predictions(X)
    points = np.asarray(X)
    return np.stack([forest.classes_[tree.predict(points).astype(np.int64)] for tree in forest.estimators_])
