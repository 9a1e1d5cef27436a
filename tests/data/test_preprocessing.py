import math

import numpy as np
import pytest

from gengap.data import Preprocessing, centre_crop, preprocess


def naive_whitening(values: list[float]) -> list[float]:
    """Zhang et al. 2017, Appendix A: the image less its mean, over its deviation, which is at least 1/sqrt(n)."""
    n = len(values)
    mean = sum(values) / n
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / n)
    return [(v - mean) / max(deviation, 1 / math.sqrt(n)) for v in values]


def test_whitening_agrees_with_its_naive_twin() -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 3, 6, 6), np.uint8)
    x[1] = 7  # a flat image, where the floor keeps the quotient finite
    x[2, 0, 0, 0], x[2, 1:], x[2, 0, 1:] = 3, 2, 2  # nearly flat, where the floor binds
    expected = [naive_whitening([v / 255 for v in image.ravel().tolist()]) for image in x]
    np.testing.assert_allclose(preprocess(x, Preprocessing(scale="whiten")).reshape(5, -1), expected, atol=2e-6)


def test_whitened_images_have_mean_zero_and_variance_one_whatever_their_brightness_and_contrast() -> None:
    x = np.random.default_rng(1).random((4, 1, 8, 8))
    out = preprocess(x, Preprocessing(scale="whiten"))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.mean(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(out.std(axis=(1, 2, 3)), 1, atol=1e-6)
    np.testing.assert_allclose(preprocess(3 * x + 2, Preprocessing(scale="whiten")), out, atol=1e-5)


def test_crop_is_cut_before_whitening() -> None:
    x = np.random.default_rng(2).integers(0, 256, (3, 3, 8, 8), np.uint8)
    np.testing.assert_array_equal(
        preprocess(x, Preprocessing(crop=4, scale="whiten")),
        preprocess(x[:, :, 2:6, 2:6], Preprocessing(scale="whiten")),
    )


@pytest.mark.parametrize(("height", "side", "first"), [(32, 28, 2), (8, 8, 0), (5, 2, 1), (5, 4, 0)])
def test_centre_crop_begins_where_half_the_margin_ends(height: int, side: int, first: int) -> None:
    x = np.arange(height * height).reshape(1, 1, height, height)
    assert centre_crop(x, side).shape == (1, 1, side, side)
    assert centre_crop(x, side)[0, 0, 0, 0] == first * height + first


def test_unit_divides_bytes_alone_and_none_only_converts() -> None:
    pixels, values = np.array([[0, 51, 255]], np.uint8), np.array([[0.0, 51.0, 255.0]])
    np.testing.assert_allclose(preprocess(pixels, Preprocessing(scale="unit")), [[0, 0.2, 1]], rtol=1e-6)
    np.testing.assert_array_equal(preprocess(values, Preprocessing(scale="unit")), values.astype(np.float32))
    np.testing.assert_allclose(preprocess(pixels, Preprocessing(scale="signed")), [[-1, -0.6, 1]], rtol=1e-6)
    np.testing.assert_array_equal(preprocess(values / 255, Preprocessing(scale="signed"))[0, ::2], [-1, 1])
    np.testing.assert_array_equal(preprocess(pixels, Preprocessing()), values.astype(np.float32))
