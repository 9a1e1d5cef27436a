"""Maps of images before a kernel, against transcriptions of their formulas in loops."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from gengap.errors import InputError
from gengap.interpolate.feature_maps import GaborFeatures, RandomConvFeatures, ZCAWhitening
from gengap.interpolate.feature_maps.gabor import wavelet

RNG = np.random.default_rng(0)
SHAPE = (2, 9, 7)
IMAGES = RNG.random((6, 126))


@parametrize_with_checks(
    [
        GaborFeatures(wavelengths=(3.0,), n_directions=2),
        RandomConvFeatures(n_filters=2, random_state=0),
        ZCAWhitening(),
    ]
)
def test_scikit_learns_contract(estimator, check):
    check(estimator)


def test_a_wavelet_by_hand():
    """Zero sum, absolute values that sum to 1, its wave along x; a quarter turn turns it."""
    made = wavelet(4.0, 0.0)
    assert abs(made.sum()) < 1e-15
    assert np.abs(made).sum() == pytest.approx(1)
    reach = len(made) // 2
    assert reach == 6  # ceil(2.5 * 0.56 * 4)
    here, there = made[reach, reach], made[reach, reach + 2]  # half a wavelength apart: opposite signs
    assert here.real > 0 > there.real
    np.testing.assert_allclose(wavelet(4.0, np.pi / 2), made.T, atol=1e-15)


def test_gabor_features_are_the_pooled_moduli():
    maps = GaborFeatures(SHAPE, wavelengths=(2.0, 3.0), n_directions=3, pool=2).fit(IMAGES)
    expected = []
    for length in (2.0, 3.0):
        for image in IMAGES[0].reshape(SHAPE):
            for direction in range(3):
                filter_ = wavelet(length, np.pi * direction / 3)
                reach = len(filter_) // 2
                padded = np.pad(image, reach)
                windows = np.lib.stride_tricks.sliding_window_view(padded, filter_.shape)
                modulus = np.abs((windows * filter_).sum(axis=(2, 3)))
                expected += [modulus[r : r + 2, c : c + 2].mean() for r in range(0, 9, 2) for c in range(0, 7, 2)]
    np.testing.assert_allclose(maps.transform(IMAGES[:1])[0], expected, atol=1e-6)


def test_constant_images_have_no_waves_inside():
    maps = GaborFeatures((1, 40, 40), wavelengths=(3.0,), n_directions=2, pool=4).fit(np.ones((1, 1600)))
    inside = maps.transform(np.ones((1, 1600))).reshape(2, 10, 10)[:, 3:-3, 3:-3]
    np.testing.assert_allclose(inside, 0, atol=1e-6)


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


def test_zca_whitens_and_stays_near():
    x = RNG.standard_normal((200, 5)) @ RNG.standard_normal((5, 5)) + 3
    made = ZCAWhitening(epsilon=1e-9).fit(x)
    white = made.transform(x)
    np.testing.assert_allclose(white.T @ white / 200, np.eye(5), atol=1e-6)
    np.testing.assert_allclose(made.whitening_, made.whitening_.T)
    turn = np.linalg.qr(RNG.standard_normal((5, 5)))[0]
    centred = x - x.mean(axis=0)
    assert ((white - centred) ** 2).sum() < ((white @ turn - centred) ** 2).sum()  # no other whitening is nearer
    np.testing.assert_allclose(
        made.transform((x + 1).astype(np.float32)), (white + made.whitening_.sum(axis=0)), rtol=1e-3, atol=1e-3
    )


def test_a_large_epsilon_only_centres():
    x = RNG.standard_normal((50, 4))
    np.testing.assert_allclose(ZCAWhitening(1e8).fit_transform(x) * 1e4, x - x.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("made", "changes"),
    [
        (RandomConvFeatures(SHAPE, 3, random_state=0), {"bias": 0.1, "pool": 2, "stride": 1, "n_filters": 2}),
        (GaborFeatures(SHAPE, n_directions=2), {"pool": 2, "n_directions": 3, "wavelengths": (3.0,)}),
    ],
)
def test_a_map_stays_what_was_fitted(made, changes):
    before = made.fit(IMAGES).transform(IMAGES)
    for name, value in changes.items():
        np.testing.assert_array_equal(made.set_params(**{name: value}).transform(IMAGES), before)
    assert made.fit(IMAGES).transform(IMAGES).shape != before.shape


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (GaborFeatures((1, 8, 8)), "rows of 126 values"),
        (GaborFeatures(wavelengths=()), "wavelengths has shape"),
        (GaborFeatures(wavelengths=(0.0,)), "wavelengths holds 0"),
        (GaborFeatures(wavelengths=(1e-9,)), "wavelengths holds 1e-09"),
        (GaborFeatures(wavelengths=(1e9,)), r"wavelengths holds 1e\+09"),
        (GaborFeatures(wavelengths="4"), "wavelengths"),
        (GaborFeatures(image_shape="1x9x14"), "image_shape"),
        (GaborFeatures(image_shape=(1, 9, "14")), "image_shape"),
        (GaborFeatures(pool="4"), "pool = '4'"),
        (RandomConvFeatures(patch=True), "patch = True"),
        (RandomConvFeatures(random_state="a"), "random_state = 'a'"),
        (ZCAWhitening("0.1"), "epsilon = '0.1'"),
        (GaborFeatures(pool=0), "pool = 0"),
        (RandomConvFeatures((126,)), "image_shape"),
        (RandomConvFeatures(n_filters=0), "n_filters = 0"),
        (ZCAWhitening(0.0), "epsilon = 0"),
        (GaborFeatures((-1, -9, 14)), "image_shape"),
        (GaborFeatures(n_directions=2.5), "n_directions = 2.5"),
        (RandomConvFeatures(stride=1.5), "stride = 1.5"),
        (RandomConvFeatures(bias=np.nan), "bias = nan"),
        (RandomConvFeatures(bias=-1.0), "bias = -1"),
    ],
)
def test_bad_parameters_are_told(made, told):
    with pytest.raises(InputError, match=told):
        made.fit(IMAGES)


@pytest.mark.parametrize("made", [GaborFeatures(), RandomConvFeatures(n_filters=4), ZCAWhitening()])
def test_images_beyond_what_the_map_computes_in_are_refused(made):
    with pytest.raises(InputError, match="rescale the"):
        made.fit(1e200 * IMAGES.astype(np.float64))


@pytest.mark.parametrize("wavelength", [2.0, 3.3, 32.0])
def test_wavelets_of_every_allowed_length_are_finite(wavelength):
    made = wavelet(wavelength, 0.3)
    assert np.isfinite(made).all()
    assert np.abs(made).sum() == pytest.approx(1)
    assert abs(made.sum()) < 1e-12
