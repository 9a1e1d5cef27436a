"""Growing one perfect random tree, a level at a time, and following it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.arrays import Floats
from gengap.errors import InputError

Integers = NDArray[np.int64]
_CELLS = 4_000_000  # entries of a table of nodes x features that are held at once


@dataclass(frozen=True)
class Tree:
    """A binary tree in flat arrays; node 0 is the root, and x goes left where x[feature] <= threshold.

    Attributes:
        feature: The feature that a node splits, -1 in a leaf; ``[nodes]``.
        threshold: Where; NaN in a leaf.
        left: The left child; the right one is the next node. -1 in a leaf.
        label: Class index of a leaf, -1 in other nodes.
        depth: Length of the longest path from the root.
    """

    feature: Integers
    threshold: Floats
    left: Integers
    label: Integers
    depth: int

    @property
    def n_leaves(self) -> int:
        """Number of leaves."""
        return int((self.left < 0).sum())

    def labels(self, points: NDArray[Any]) -> Integers:
        """Class indices of points ``[m, d]``: all of them go down one level at a time."""
        node = np.zeros(len(points), dtype=np.int64)
        moving = np.arange(len(points)) if self.left[0] >= 0 else np.empty(0, dtype=np.int64)
        while len(moving):
            here = node[moving]
            right = points[moving, self.feature[here]] > self.threshold[here]
            node[moving] = here = self.left[here] + right
            moving = moving[self.left[here] >= 0]
        return self.label[node]


@dataclass(frozen=True)
class _Level:
    """Examples of the impure nodes of one level, sorted by node, then class.

    Attributes:
        examples: Their indices.
        start, size: Where each node's examples begin, and how many there are.
        run_start, run_size: For each example, where those of its node and class begin, and how many there are.
    """

    examples: Integers
    start: Integers
    size: Integers
    run_start: Integers
    run_size: Integers


def grow(points: NDArray[Any], labels: Integers, rng: np.random.RandomState) -> Tree:
    """A perfect random tree: each leaf holds training points of one class.

    All nodes of a level are split together, by array operations, so that a tree costs time O(n d + n log n) a level.

    Args:
        points: ``[n, d]``, floats.
        labels: Class indices ``[n]``.
        rng: What pairs, features and thresholds are drawn from.

    Raises:
        InputError: Two equal points have different labels.
    """
    levels: list[tuple[Integers, Floats, Integers, Integers]] = []
    examples, node = np.arange(len(labels)), np.zeros(len(labels), dtype=np.int64)
    first, count = 0, 1  # the nodes of this level are first, …, first + count - 1
    while count:
        order = np.lexsort((labels[examples], node))
        examples, node = examples[order], node[order]
        begin, size = np.unique(node, return_index=True, return_counts=True)[1:]
        low, high = labels[examples[begin]], labels[examples[begin + size - 1]]
        impure = low != high
        feature, threshold, left = np.full(count, -1), np.full(count, np.nan), np.full(count, -1)
        left[impure] = first + count + 2 * np.arange(impure.sum())
        examples, node = examples[impure[node]], node[impure[node]]
        feature[impure], threshold[impure] = _splits(points, _level(examples, node, labels[examples]), rng)
        node = left[node] - (first + count) + (points[examples, feature[node]] > threshold[node])
        levels.append((feature, threshold, left, np.where(impure, -1, low)))
        first, count = first + count, 2 * int(impure.sum())
    features, thresholds, lefts, leaves = (np.concatenate(parts) for parts in zip(*levels, strict=True))
    return Tree(features, thresholds, lefts, leaves, depth=len(levels) - 1)


def _level(examples: Integers, node: Integers, classes: Integers) -> _Level:
    start, size = np.unique(node, return_index=True, return_counts=True)[1:]
    run = np.flatnonzero(np.r_[True, (node[1:] != node[:-1]) | (classes[1:] != classes[:-1])][: len(node)])
    length = np.diff(np.r_[run, len(examples)])
    return _Level(examples, start, size, np.repeat(run, length), np.repeat(length, length))


def _splits(points: NDArray[Any], level: _Level, rng: np.random.RandomState) -> tuple[Integers, Floats]:
    """For each node a feature and a threshold, which part a random pair of examples of different classes."""
    one, other = _pairs(level, rng)
    chosen = np.empty(len(one), dtype=np.int64)
    step = max(1, _CELLS // points.shape[1])
    for at in range(0, len(one), step):
        part = slice(at, at + step)
        chosen[part] = _features(points, one[part], other[part], rng)
    a, b = points[one, chosen].astype(np.float64), points[other, chosen].astype(np.float64)
    low, high = np.minimum(a, b), np.maximum(a, b)
    share = rng.random_sample(len(one))
    cuts = (1 - share) * low + share * high
    return chosen, np.where((cuts >= low) & (cuts < high), cuts, low)  # rounding must not undo the separation


def _pairs(level: _Level, rng: np.random.RandomState) -> tuple[Integers, Integers]:
    """For each node two of its examples, even over all ordered pairs of different classes.

    The first is drawn with weight (examples of other classes), then the second evenly among these.
    """
    others = np.repeat(level.size, level.size) - level.run_size
    total = np.r_[0, np.cumsum(others)]
    begin, end = total[level.start], total[level.start + level.size]
    one = np.searchsorted(total, rng.randint(begin, end, dtype=np.int64), side="right") - 1
    other = level.start + rng.randint(0, others[one], dtype=np.int64)
    other = other + np.where(other >= level.run_start[one], level.run_size[one], 0)
    return level.examples[one], level.examples[other]


def _features(points: NDArray[Any], one: Integers, other: Integers, rng: np.random.RandomState) -> Integers:
    """For each pair, one of the features in which it differs, each as likely."""
    differ = points[one] != points[other]
    counts = differ.sum(axis=1)
    if not counts.all():
        equal = int(np.argmin(counts))
        raise InputError(
            f"Points {one[equal]} and {other[equal]} are equal but have different labels.",
            expected="a label for each distinct point: no tree can have both",
            next_step="drop one of them",
        )
    pair, feature = np.nonzero(differ)
    begin = np.searchsorted(pair, np.arange(len(one)))
    return np.asarray(feature[begin + rng.randint(0, counts)], dtype=np.int64)
