"""Gabor wavelets by hand and against the definition."""

import numpy as np
import pytest

from gengap.interpolate.feature_maps import GaborFeatures
from gengap.interpolate.feature_maps.gabor import wavelet

RNG = np.random.default_rng(0)

SHAPE = (2, 9, 7)

IMAGES = RNG.random((6, 126))


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


@pytest.mark.parametrize("wavelength", [2.0, 3.3, 32.0])
def test_wavelets_of_every_allowed_length_are_finite(wavelength):
    made = wavelet(wavelength, 0.3)
    assert np.isfinite(made).all()
    assert np.abs(made).sum() == pytest.approx(1)
    assert abs(made.sum()) < 1e-12
