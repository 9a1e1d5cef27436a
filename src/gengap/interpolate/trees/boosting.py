"""Boosting past zero training error: what goes on growing, and what does not get worse."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import AdaBoostClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from gengap.arguments import real_number, whole_number
from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.interpolate import validation


@dataclass(frozen=True)
class MarginPoint:
    """AdaBoost after some rounds.

    The margin of an example is (weight of the votes for its label) - (largest weight for another class), as a
    fraction of all weights: in [-1, 1], and above 0 where it is right.

    Attributes:
        rounds: Trees so far.
        train_error, test_error: Fractions.
        smallest_margin, mean_margin: On the training examples.
        tenth_margin: A tenth of the training examples has a smaller one.
    """

    rounds: int
    train_error: float
    test_error: float
    smallest_margin: float
    mean_margin: float
    tenth_margin: float


@dataclass(frozen=True)
class BoostingPoint:
    """L2-boosting after some rounds.

    Attributes:
        rounds: Trees so far.
        train_loss, test_loss: Squared loss, summed over classes.
        train_error, test_error: Fractions.
    """

    rounds: int
    train_loss: float
    test_loss: float
    train_error: float
    test_error: float


@dataclass(frozen=True)
class _Data:
    """Points, and labels as indices of ``classes``; test labels that training lacks come after those that it has."""

    x: NDArray[Any]
    y: NDArray[np.int64]
    x_test: NDArray[Any]
    y_test: NDArray[np.int64]
    n_classes: int


def adaboost_margins(
    X: ArrayLike,
    y: ArrayLike,
    X_test: ArrayLike,
    y_test: ArrayLike,
    *,
    rounds: int = 200,
    max_leaves: int = 8,
    random_state: Any = None,
) -> list[MarginPoint]:
    """AdaBoost on small trees, round by round; fewer rounds where a tree is right on all, or no better than chance.

    Source: Schapire, Freund, Bartlett and Lee 1998, "Boosting the margin"; scikit-learn's SAMME for many classes.

    Args:
        X: Training points, ``[n, d]``.
        y: Their labels, ``[n]``.
        X_test: Test points.
        y_test: Their labels.
        rounds: Trees, at least 1.
        max_leaves: Leaves of a tree, at least 2.
        random_state: Seed, as scikit-learn takes it.

    Raises:
        InputError: Shapes that do not match, NaN, values for labels, one class, numbers out of range.
    """
    rounds, max_leaves = whole_number(rounds, "rounds"), whole_number(max_leaves, "max_leaves", least=2)
    data, rng = _data(X, y, X_test, y_test), validation.random_state(random_state)
    tree = DecisionTreeClassifier(max_leaf_nodes=max_leaves)
    model = AdaBoostClassifier(tree, n_estimators=rounds, random_state=rng)
    try:
        model.fit(data.x, data.y)
    except ValueError as error:
        raise InputError(
            f"The first tree of {max_leaves} leaves is no better than chance on {data.n_classes} classes: {error}",
            expected="trees that are better than chance",
            next_step="give trees more leaves",
        ) from error
    train, test = np.zeros((len(data.y), data.n_classes)), np.zeros((len(data.y_test), data.n_classes))
    points: list[MarginPoint] = []
    total = 0.0
    for weight, member in zip(model.estimator_weights_, model.estimators_, strict=False):  # weights are padded
        for scores, x in ((train, data.x), (test, data.x_test)):
            scores[np.arange(len(x)), member.predict(x)] += weight
        total += weight
        margins = _margins(train, data.y) / total
        points.append(
            MarginPoint(
                rounds=len(points) + 1,
                train_error=_error(train, data.y),
                test_error=_error(test, data.y_test),
                smallest_margin=float(margins.min()),
                mean_margin=float(margins.mean()),
                tenth_margin=float(np.quantile(margins, 0.1)),
            )
        )
    return points


def l2_boosting(
    X: ArrayLike,
    y: ArrayLike,
    X_test: ArrayLike,
    y_test: ArrayLike,
    *,
    rounds: int = 200,
    max_leaves: int = 10,
    shrinkage: float = 0.85,
    random_state: Any = None,
) -> list[BoostingPoint]:
    """L2-boosting, round by round: each tree is fitted to what the sum of those before leaves of the labels.

    Labels are indicator vectors, and a tree predicts all of their entries; the sum begins at 0.

    Source: Bühlmann and Yu 2003; leaves and shrinkage as in Belkin et al. 2019 (arXiv:1812.11118).

    Args:
        X: Training points, ``[n, d]``.
        y: Their labels, ``[n]``.
        X_test: Test points.
        y_test: Their labels.
        rounds: Trees, at least 1.
        max_leaves: Leaves of a tree, at least 2.
        shrinkage: What each tree is multiplied by, in (0, 1].
        random_state: Seed, as scikit-learn takes it.

    Raises:
        InputError: Shapes that do not match, NaN, values for labels, one class, numbers out of range.
    """
    rounds, max_leaves = whole_number(rounds, "rounds"), whole_number(max_leaves, "max_leaves", least=2)
    shrinkage = real_number(shrinkage, "shrinkage", above=0, most=1)
    data = _data(X, y, X_test, y_test)
    targets, targets_test = np.eye(data.n_classes)[data.y], np.eye(data.n_classes)[data.y_test]
    rng = validation.random_state(random_state)
    scores = boosted_scores(
        data.x, targets, data.x_test, rounds=rounds, max_leaves=max_leaves, shrinkage=shrinkage, rng=rng
    )
    points = []
    for count, (train, test) in enumerate(scores, start=1):
        points.append(
            BoostingPoint(
                rounds=count,
                train_loss=float(((train - targets) ** 2).sum(axis=1).mean()),
                test_loss=float(((test - targets_test) ** 2).sum(axis=1).mean()),
                train_error=_error(train, data.y),
                test_error=_error(test, data.y_test),
            )
        )
    return points


def boosted_scores(
    x: NDArray[Any],
    targets: Floats,
    x_test: NDArray[Any],
    *,
    rounds: int,
    max_leaves: int,
    shrinkage: float,
    rng: np.random.RandomState,
    max_features: str | None = None,
) -> Iterator[tuple[Floats, Floats]]:
    """Scores of L2-boosting on both splits after each round: ``[n, C]`` and ``[m, C]``.

    Args:
        x: Training points, ``[n, d]``.
        targets: Indicator vectors of their labels, ``[n, C]``.
        x_test: Test points, ``[m, d]``.
        rounds: Trees.
        max_leaves: Leaves of a tree.
        shrinkage: What each tree is multiplied by.
        rng: What trees draw from.
        max_features: Features that a split may choose from, as scikit-learn takes it; None: all, and trees differ only
            in how ties are broken.
    """
    test = np.zeros((len(x_test), targets.shape[1]))
    for tree, train in boosted_trees(
        x,
        targets,
        rounds=rounds,
        max_leaves=max_leaves,
        shrinkage=shrinkage,
        rng=rng,
        max_features=max_features,
    ):
        test = test + shrinkage * tree.predict(x_test)
        yield train, test


def boosted_trees(
    x: NDArray[Any],
    targets: Floats,
    *,
    rounds: int,
    max_leaves: int,
    shrinkage: float,
    rng: np.random.RandomState,
    max_features: str | None = None,
) -> Iterator[tuple[DecisionTreeRegressor, Floats]]:
    """The tree of each round of L2-boosting, and the training scores after it, ``[n, C]``.

    Args:
        x: Training points, ``[n, d]``.
        targets: Indicator vectors of their labels, ``[n, C]``.
        rounds: Trees.
        max_leaves: Leaves of a tree.
        shrinkage: What each tree is multiplied by.
        rng: What trees draw from.
        max_features: As in ``boosted_scores``.
    """
    train = np.zeros(targets.shape)
    for _ in range(rounds):
        tree = DecisionTreeRegressor(max_leaf_nodes=max_leaves, max_features=max_features, random_state=rng)
        tree.fit(x, targets - train)
        train = train + shrinkage * tree.predict(x)
        yield tree, train


def first_fit(points: Iterable[MarginPoint | BoostingPoint]) -> int | None:
    """The first round with no training error; None where there is none."""
    return next((point.rounds for point in points if point.train_error == 0), None)


def _data(X: ArrayLike, y: ArrayLike, X_test: ArrayLike, y_test: ArrayLike) -> _Data:
    x, labels = validation.points_and_labels(X, y)
    x_test, labels_test = validation.points_and_labels(X_test, y_test)
    if x.shape[1] != x_test.shape[1]:
        raise InputError(f"Training points have {x.shape[1]} features, test points {x_test.shape[1]}.")
    known = list(np.unique(labels))
    if len(known) < 2:
        raise InputError("All training labels are the same.", expected="at least two classes")
    classes = [*known, *(label for label in np.unique(labels_test) if label not in known)]
    index = {label: k for k, label in enumerate(classes)}
    encoded = [np.array([index[label] for label in each]) for each in (labels, labels_test)]
    return _Data(x, encoded[0], x_test, encoded[1], len(classes))


def _margins(scores: Floats, y: NDArray[np.int64]) -> Floats:
    rows = np.arange(len(y))
    others = scores.copy()
    others[rows, y] = -np.inf
    return np.asarray(scores[rows, y] - others.max(axis=1))


def _error(scores: Floats, y: NDArray[np.int64]) -> float:
    return float(np.mean(scores.argmax(axis=1) != y))
