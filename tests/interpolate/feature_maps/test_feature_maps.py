"""What all feature maps share: the contract, parameters, images that they refuse."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from gengap.errors import InputError
from gengap.interpolate.feature_maps import GaborFeatures, RandomConvFeatures, ZCAWhitening

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
