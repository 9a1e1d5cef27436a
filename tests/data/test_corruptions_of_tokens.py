"""Corruptions of tokens: what each leaves and what it changes, item by item as all at once."""

import numpy as np
import pytest
from test_corruptions import OF_TOKENS, PIXELS, T

from gengap.data import CorruptedDataset, Problem, Split, from_arrays
from gengap.errors import InputError
from gengap.seeds import stream

PLAIN = from_arrays(T.train.x[:, 0], T.train.y, T.test.x[:, 0], T.test.y, vocabulary=30, classes=T.classes)
TOKENS, MASK = 0, 1


def test_shuffled_positions_are_one_permutation_of_tokens_and_mask() -> None:
    shuffled = T.corrupt("shuffled-positions", seed=3)
    order = np.random.default_rng(stream(3, "shuffled-positions")).permutation(12)
    for name in ("train", "test"):
        np.testing.assert_array_equal(getattr(shuffled, name).x, getattr(T, name).x[:, :, order])


def test_random_positions_keep_the_tokens_and_the_padding_of_each_sequence() -> None:
    moved = T.corrupt("random-positions", seed=3)
    np.testing.assert_array_equal(moved.train.x[:, MASK], T.train.x[:, MASK])
    for before, after in zip(T.train.x, moved.train.x, strict=True):
        there = before[MASK] == 1
        assert sorted(before[TOKENS][there]) == sorted(after[TOKENS][there])
        np.testing.assert_array_equal(before[TOKENS][~there], after[TOKENS][~there])
    assert (moved.train.x[:, TOKENS] != T.train.x[:, TOKENS]).mean() > 0.3


def test_random_tokens_are_uniform_and_leave_the_padding() -> None:
    rng = np.random.default_rng(0)
    n, length, size = 4000, 10, 7
    there = np.arange(length) < rng.integers(1, length + 1, (n, 1))
    x = np.stack([np.full((n, length), 6), there], axis=1)
    y = np.arange(n) % 2
    problem = Problem("same", Split(x, y), Split(x[:2], y[:2]), ("a", "b"), vocabulary=size)
    drawn = problem.corrupt("random-tokens", seed=1).train.x
    np.testing.assert_array_equal(drawn[:, MASK], x[:, MASK])
    assert (drawn[:, TOKENS][~there] == 6).all()
    counts = np.bincount(drawn[:, TOKENS][there], minlength=size)
    expected = there.sum() / size
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


@pytest.mark.parametrize("name", OF_TOKENS)
def test_a_mask_that_keeps_all_changes_no_draw(name: str) -> None:
    x = [np.stack([split.x, np.ones_like(split.x)], axis=1) for split in (PLAIN.train, PLAIN.test)]
    masked = Problem("m", Split(x[0], T.train.y), Split(x[1], T.test.y), T.classes, vocabulary=30)
    drawn = masked.corrupt(name, seed=5).train.x[:, TOKENS]
    np.testing.assert_array_equal(drawn, PLAIN.corrupt(name, seed=5).train.x)


@pytest.mark.parametrize("name", OF_TOKENS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_items_are_those_of_the_problem(name: str, split: str) -> None:
    data = getattr(PLAIN, split)
    items = CorruptedDataset(list(zip(data.x, data.y, strict=True)), name, seed=4, split=split, vocabulary=30)
    expected = getattr(PLAIN.corrupt(name, seed=4), split).x
    np.testing.assert_array_equal(np.stack([items[i][0] for i in range(len(items))]), expected)


@pytest.mark.parametrize("name", PIXELS)
def test_pixels_of_tokens_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"is for numbers, and tokens holds tokens(.|\n)*random-tokens"):
        T.corrupt(name)


@pytest.mark.parametrize("name", OF_TOKENS)
def test_tokens_of_images_are_refused(name: str) -> None:
    images = from_arrays(np.zeros((4, 3, 2, 2), np.uint8), [0, 1, 0, 1], np.zeros((4, 3, 2, 2), np.uint8), [0, 1, 0, 1])
    with pytest.raises(InputError, match=r"is for tokens(.|\n)*gaussian"):
        images.corrupt(name)
    with pytest.raises(InputError, match="a vocabulary= with tokens"):
        CorruptedDataset([(np.zeros(3, int), 0)], name)
