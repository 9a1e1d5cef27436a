"""The bandwidth of a kernel that was given none."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from gengap.errors import InputError
from gengap.interpolate.bandwidth import median_bandwidth

X = np.random.default_rng(0).standard_normal((50, 4))


def test_it_is_half_the_median_distance() -> None:
    assert median_bandwidth(X, "gaussian", 0) == pytest.approx(np.median(pdist(X)) / 2)
    assert median_bandwidth(X, "laplacian-product", 0) == pytest.approx(np.median(pdist(X, "cityblock")) / 2)


def test_it_scales_with_the_points_and_does_not_depend_on_how_many_there_are() -> None:
    assert median_bandwidth(3 * X, "gaussian", 0) == pytest.approx(3 * median_bandwidth(X, "gaussian", 0))
    many = np.random.default_rng(1).standard_normal((3000, 4))
    assert median_bandwidth(many, "gaussian", 0) == pytest.approx(
        median_bandwidth(many[:1000], "gaussian", 0), rel=0.05
    )


def test_equal_points_have_none() -> None:
    with pytest.raises(InputError, match="equal"):
        median_bandwidth(np.ones((9, 2)), "gaussian", 0)
