"""One perfect random tree: how it splits, and how it is followed."""

import numpy as np
import pytest

from gengap.interpolate.trees import PerfectRandomForest
from gengap.interpolate.trees.random_tree import _level, _pairs, grow

RNG = np.random.default_rng(0)

X, Y = RNG.standard_normal((150, 4)), RNG.integers(0, 3, 150)


def test_following_a_tree_equals_a_loop():
    tree = grow(X, Y, np.random.RandomState(0))
    for x, label in zip(X + 0.1, tree.labels(X + 0.1), strict=True):
        node, steps = 0, 0
        while tree.left[node] >= 0:
            node, steps = tree.left[node] + int(x[tree.feature[node]] > tree.threshold[node]), steps + 1
        assert tree.label[node] == label
        assert steps <= tree.depth
    assert tree.n_leaves == (len(tree.left) + 1) // 2


def test_each_split_parts_its_node_and_leaves_are_pure():
    tree = grow(X, Y, np.random.RandomState(1))
    inside = {0: np.arange(len(X))}
    for node in range(len(tree.left)):  # parents come before children
        here = inside[node]
        if tree.left[node] < 0:
            assert set(Y[here]) == {tree.label[node]}
            continue
        right = X[here, tree.feature[node]] > tree.threshold[node]
        assert 0 < right.sum() < len(here)
        inside[tree.left[node]], inside[tree.left[node] + 1] = here[~right], here[right]


def test_pairs_are_even_over_pairs_of_different_classes():
    """Against the 2 (2 x 1 + 2 x 3 + 1 x 3) = 22 ordered pairs of six examples, by a chi-squared statistic."""
    labels, nodes = np.array([2, 0, 2, 1, 0, 2]), 22_000
    order = np.argsort(labels, kind="stable")
    level = _level(np.tile(order, nodes), np.repeat(np.arange(nodes), 6), np.tile(np.sort(labels), nodes))
    counts = np.zeros((6, 6))
    np.add.at(counts, _pairs(level, np.random.RandomState(0)), 1)
    differ = labels[:, None] != labels
    assert counts[~differ].sum() == 0
    assert differ.sum() == 22
    expected = nodes / 22
    assert ((counts[differ] - expected) ** 2 / expected).sum() < 46.8  # 99.9 % point of chi-squared with 21 degrees


def test_thresholds_are_even_between_the_two_values():
    cuts = [grow(np.array([[0.0], [4.0]]), np.array([0, 1]), np.random.RandomState(s)).threshold[0] for s in range(400)]
    assert 0 <= min(cuts) < 0.1
    assert 3.9 < max(cuts) < 4
    assert np.mean(cuts) == pytest.approx(2, abs=4 * 4 / np.sqrt(12 * 400))


def test_only_features_in_which_a_pair_differs_are_used():
    x = np.column_stack([np.zeros(50), RNG.standard_normal(50), np.ones(50)])
    tree = grow(x, np.arange(50) % 2, np.random.RandomState(0))
    assert set(tree.feature) == {1, -1}


def test_neighbouring_floats_are_parted():
    for seed in range(20):
        x = np.array([[1.0], [np.nextafter(1.0, 2)]])
        assert PerfectRandomForest(3, seed).fit(x, [0, 1]).train_error_ == 0
