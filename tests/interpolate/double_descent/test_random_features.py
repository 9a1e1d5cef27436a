"""Random features approach their kernels."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from gengap.errors import InputError
from gengap.interpolate import RandomFourierFeatures

RNG = np.random.default_rng(0)
X, Z = RNG.standard_normal((2, 3))
KERNELS = {
    "gaussian": lambda delta: np.exp(-np.sum(delta**2, axis=-1) / 2),
    "laplacian": lambda delta: np.exp(-np.linalg.norm(delta, axis=-1)),
    "laplacian-product": lambda delta: np.exp(-np.sum(abs(delta), axis=-1)),
    "cauchy": lambda delta: 1 / (1 + np.sum(delta**2, axis=-1)),
    "cauchy-product": lambda delta: np.prod(1 / (1 + delta**2), axis=-1),
}


def arc_cosine(x, z):
    norms = np.linalg.norm(x) * np.linalg.norm(z)
    angle = np.arccos(np.clip(x @ z / norms, -1, 1))
    return norms * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi


@parametrize_with_checks([RandomFourierFeatures(random_state=0), RandomFourierFeatures("relu", random_state=0)])
def test_scikit_learns_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("count", [100, 1600])
@pytest.mark.parametrize("kernel", KERNELS)
def test_inner_products_are_unbiased_with_the_error_of_a_mean_over_frequencies(kernel, count):
    """One frequency gives cos<w, Delta>, of variance (1 + k(2 Delta)) / 2 - k(Delta)^2; there are N / 2 of them."""
    delta, s, k = X - Z, 1.7, KERNELS[kernel]
    expected = k(delta / s)
    deviation = np.sqrt(((1 + k(2 * delta / s)) / 2 - expected**2) * 2 / count)
    maps = [RandomFourierFeatures(kernel, s, count, seed).fit_transform([X, Z]) for seed in range(200)]
    found = np.array([x @ z for x, z in maps])
    assert found.mean() == pytest.approx(expected, abs=4 * deviation / 200**0.5)
    assert found.std() == pytest.approx(deviation, rel=4 / (2 * 200) ** 0.5)  # 4 deviations of a deviation


def test_relu_features_approach_the_arc_cosine_kernel():
    found = {}
    for count in (50, 800):
        maps = [RandomFourierFeatures("relu", 2.0, count, seed).fit_transform([X, Z]) for seed in range(200)]
        found[count] = np.array([x @ z for x, z in maps])
        assert found[count].mean() == pytest.approx(arc_cosine(X / 2, Z / 2), abs=4 * found[count].std() / 200**0.5)
    assert found[50].std() / found[800].std() == pytest.approx(4, rel=4 / 200**0.5)  # 1 / sqrt(N); 4 deviations
    assert arc_cosine(X, X) == pytest.approx(X @ X)


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_point_has_norm_one(kernel):
    features = RandomFourierFeatures(kernel, n_features=10, random_state=0).fit_transform(RNG.standard_normal((5, 3)))
    np.testing.assert_allclose((features**2).sum(axis=1), 1)


@pytest.mark.parametrize(
    "made", [RandomFourierFeatures(kernel, random_state=1) for kernel in (*KERNELS, "relu")], ids=str
)
@pytest.mark.parametrize("count", [1, 2, 7, 24])
def test_columns_are_nested_and_stream_in_blocks(made, count):
    x = RNG.standard_normal((5, 3))
    many = made.set_params(n_features=25).fit(x).columns(x, 0, 25)
    few = made.set_params(n_features=count).fit(x)
    np.testing.assert_allclose(few.columns(x, 0, count), many[:, :count], rtol=0, atol=1e-12)
    np.testing.assert_allclose(few.transform(x), few.scale(count) * many[:, :count], rtol=0, atol=1e-12)
    cut = count // 2
    joined = np.concatenate([few.columns(x, 0, cut), few.columns(x, cut, count)], axis=1)
    np.testing.assert_allclose(joined, many[:, :count], rtol=0, atol=1e-12)


def test_columns_by_hand():
    made = RandomFourierFeatures(bandwidth=2.0, n_features=3, random_state=0).fit([[1.0]])
    w = np.random.RandomState(0).standard_normal(2) / 2
    expected = np.sqrt(2 / 3) * np.array([np.cos(w[0]), np.sin(w[0]), np.cos(w[1])])
    np.testing.assert_allclose(made.transform([[1.0]])[0], expected)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kernel": "gausian"}, "did you mean 'gaussian'"),
        ({"bandwidth": 0.0}, "bandwidth = 0"),
        ({"bandwidth": float("nan")}, "bandwidth = nan"),
        ({"n_features": 0}, "n_features = 0"),
    ],
)
def test_bad_parameters_are_told(options, told):
    with pytest.raises(InputError, match=told):
        RandomFourierFeatures(**options).fit([[1.0], [2.0]])


def test_nan_is_told():
    with pytest.raises(InputError, match="NaN"):
        RandomFourierFeatures("relu").fit([[1.0], [np.nan]])
