"""Equal and similar examples of two sets, against comparing all pairs."""

import numpy as np
import pytest

from gengap.errors import InputError
from gengap.probes import equal_examples, image_detail, nearest


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64])
def test_equal_examples_are_those_that_all_pairs_show(dtype):
    random = np.random.default_rng(0)
    other = random.integers(0, 3, (60, 2, 2)).astype(dtype)
    x = random.integers(0, 3, (40, 2, 2)).astype(dtype)
    found = equal_examples(x, other)
    for i, j in enumerate(found):
        same = [k for k in range(len(other)) if (other[k] == x[i]).all()]
        assert j == (same[0] if same else -1)
    assert (found >= 0).any()
    assert (found < 0).any()


def test_a_negative_zero_is_a_zero():
    assert equal_examples(np.array([[-0.0]]), np.array([[0.0]])).tolist() == [0]


@pytest.mark.parametrize("size", [5, 400])  # without and with a projection
def test_a_noisy_copy_is_found_among_strangers(size):
    random = np.random.default_rng(1)
    other = random.standard_normal((3_000, size)).astype(np.float32)
    x = other[[7, 2_100]] + 0.01 * random.standard_normal((2, size)).astype(np.float32)
    found = nearest(x, other)
    assert found.row.tolist() == [7, 2_100]
    assert (found.similarity > 0.99).all()


def test_the_similarity_is_the_cosine_of_centred_rows():
    random = np.random.default_rng(2)
    other, x = random.standard_normal((50, 6)), random.standard_normal((9, 6))
    found, a, b = nearest(x, other), x - other.mean(0), other - other.mean(0)
    cosines = a @ b.T / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)
    assert found.row.tolist() == cosines.argmax(1).tolist()
    assert found.similarity == pytest.approx(cosines.max(1), abs=1e-5)  # float32
    assert found.third == pytest.approx(np.sort(cosines, axis=1)[:, -3], abs=1e-5)


def test_a_row_that_is_the_mean_is_like_nothing():
    assert nearest(np.zeros((1, 2)), np.array([[1.0, 1.0], [-1.0, -1.0]])).similarity.tolist() == [0.0]


def test_rows_of_two_shapes_are_refused():
    with pytest.raises(InputError):
        nearest(np.zeros((2, 3)), np.zeros((2, 4)))


def test_fewer_than_three_rows_have_no_third():
    assert nearest(np.eye(2), np.eye(2)).third.tolist() == [0.0, 0.0]


def test_detail_is_what_differs_from_the_pixels_around():
    images = np.random.default_rng(3).integers(0, 256, (2, 3, 33, 35)).astype(np.uint8)
    small = images[:, :, :32, :34].reshape(2, 3, 16, 2, 17, 2).mean((3, 5))
    expected = np.zeros_like(small)
    for i in range(16):
        for j in range(17):
            rows, columns = np.clip([i - 1, i, i + 1], 0, 15), np.clip([j - 1, j, j + 1], 0, 16)
            expected[:, :, i, j] = small[:, :, i, j] - small[:, :, rows][..., columns].mean((2, 3))
    assert image_detail(images) == pytest.approx(expected.reshape(2, -1), abs=1e-3)  # float32 of values up to 255
    assert image_detail(np.full((1, 1, 8, 8), 9.0)).tolist() == [[0.0] * 64]


def test_a_copy_stands_out_and_one_of_many_alike_does_not():
    random = np.random.default_rng(4)
    alike = random.standard_normal(50) + 0.3 * random.standard_normal((40, 50))
    other = np.concatenate([alike, random.standard_normal((40, 50))])
    x = np.stack([alike.mean(0), other[60] + 0.1 * random.standard_normal(50)])
    found = nearest(x, other)
    assert (found.similarity > 0.9).all()
    assert found.stands_out(0.9, 0.5).tolist() == [False, True]
