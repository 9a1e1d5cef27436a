"""Random convolution features against the definition."""

import numpy as np
import pytest

from gengap.interpolate.feature_maps import RandomConvFeatures

RNG = np.random.default_rng(0)

SHAPE = (2, 9, 7)

IMAGES = RNG.random((6, 126))


@pytest.mark.parametrize(("pool", "stride"), [(3, 2), (15, 6)])
def test_conv_features_are_the_pooled_rectified_responses(pool, stride):
    maps = RandomConvFeatures(SHAPE, n_filters=3, patch=4, pool=pool, stride=stride, bias=0.3, random_state=0)
    found = maps.fit(IMAGES).transform(IMAGES[:1])[0]
    image = IMAGES[0].reshape(SHAPE)
    windows = np.lib.stride_tricks.sliding_window_view(image, (4, 4), axis=(1, 2))
    expected = []
    for filter_ in maps.filters_.astype(np.float64):
        met = np.einsum("crsij,cij->rs", windows, filter_)  # 6 x 4
        for sign in (1, -1):
            rectified = np.maximum(sign * met - 0.3, 0)
            expected += [
                rectified[r : r + pool, s : s + pool].mean()
                for r in _starts(6, pool, stride)
                for s in _starts(4, pool, stride)
            ]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def _starts(side, pool, stride):
    """Squares begin inside, and are as many as needed to cover the side."""
    count = max(0, -(-(side - min(pool, side)) // stride)) + 1
    return [stride * k for k in range(count) if stride * k < side]


def test_filters_are_whitened_patches():
    """Undoing the whitening gives patches of the images, without their mean and of length 1."""
    maps = RandomConvFeatures((1, 8, 8), n_filters=5, patch=3, random_state=0).fit(IMAGES[:, :64])
    windows = np.lib.stride_tricks.sliding_window_view(IMAGES[:, :64].reshape(-1, 8, 8), (3, 3), axis=(1, 2))
    patches = windows.reshape(-1, 9)
    patches = patches - patches.mean(axis=1, keepdims=True)
    patches /= np.linalg.norm(patches, axis=1, keepdims=True)
    filters = maps.filters_.reshape(5, 9).astype(np.float64)
    # f = (C + eps)^-1 p and p has length 1, so that p solves a linear system in the second moment of random patches
    second = patches.T @ patches / len(patches) + 1e-3 * np.eye(9)
    near = (filters @ second) @ patches.T
    assert near.max(axis=1) == pytest.approx(np.ones(5), abs=0.15)  # C from 600 random patches, not from all


def test_fewer_filters_come_first():
    few, many = (RandomConvFeatures(SHAPE, n_filters=n, patch=3, random_state=1).fit(IMAGES) for n in (4, 300))
    found, more = few.transform(IMAGES), many.transform(IMAGES)
    np.testing.assert_allclose(more[:, : found.shape[1]], found, rtol=1e-5, atol=1e-6)
    assert more.shape[1] == found.shape[1] * 75


def test_a_small_images_features_count():
    assert RandomConvFeatures((3, 32, 32), n_filters=7).fit(RNG.random((2, 3072))).transform(
        RNG.random((2, 3072))
    ).shape == (2, 18 * 7)
