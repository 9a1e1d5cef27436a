"""Ridge and early stopping from one decomposition, against the equations solved one by one in float64."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gengap.errors import InputError
from gengap.interpolate import KernelInterpolator
from gengap.interpolate.kernel import KernelSpectrum, early_stopping, ridge

RNG = np.random.default_rng(0)
X, Y, NEW = RNG.standard_normal((40, 3)), RNG.standard_normal((40, 2)), RNG.standard_normal((7, 3))


def gaussian(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.exp(-cdist(a, b, "sqeuclidean") / (2 * 1.5**2))


K, ACROSS = gaussian(X, X), gaussian(NEW, X)
SPECTRUM = KernelSpectrum(X, "gaussian", 1.5)


def test_ridge_is_the_dense_solution():
    for strength, said in zip((1e-3, 10.0), SPECTRUM.predict(NEW, Y, [ridge(1e-3), ridge(10.0)]), strict=True):
        np.testing.assert_allclose(said, ACROSS @ np.linalg.solve(K + strength * np.eye(40), Y), rtol=0, atol=1e-10)


def test_early_stopping_is_gradient_descent():
    alpha, rate = np.zeros_like(Y), 1 / np.linalg.eigvalsh(K).max()
    for _ in range(37):
        alpha += rate * (Y - K @ alpha)
    np.testing.assert_allclose(SPECTRUM.predict(NEW, Y, [early_stopping(37)])[0], ACROSS @ alpha, rtol=0, atol=1e-11)


def test_a_weak_ridge_comes_to_the_interpolant_and_a_strong_one_to_zero():
    weak, strong = SPECTRUM.predict(X, Y, [ridge(1e-12), ridge(1e12)])
    np.testing.assert_allclose(weak, KernelInterpolator(bandwidth=1.5).fit(X, Y).predict(X), rtol=0, atol=1e-5)
    assert abs(strong).max() < 1e-9


def test_weights_times_values_are_predictions():
    said = SPECTRUM.predict(NEW, Y, [ridge(0.1)])[0]
    np.testing.assert_allclose(SPECTRUM.weights(NEW, ridge(0.1)) @ Y, said, rtol=0, atol=1e-12)


def test_a_dead_direction_is_descended_along_as_far_as_the_steps_go():
    assert early_stopping(5)(np.array([0.0, 2.0])).tolist() == [2.5, 0.5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ridge(0.0), "strength = 0"),
        (lambda: early_stopping(0), "steps = 0"),
        (lambda: KernelSpectrum(np.zeros((3, 2)), "linear").predict(NEW[:, :2], Y[:3], [early_stopping(2)]), "is 0"),
        (lambda: KernelSpectrum(X, "gausian"), "gaussian"),
        (lambda: KernelSpectrum(X, bandwidth=-1.0), "bandwidth"),
        (lambda: KernelSpectrum(X, bandwidth=1e-12), "bandwidth"),
        (lambda: KernelSpectrum([[np.nan]]), "NaN"),
        (lambda: SPECTRUM.predict(NEW[:, :2], Y, [ridge(1.0)]), "2 features"),
        (lambda: SPECTRUM.predict(NEW, Y[:5], [ridge(1.0)]), "samples"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError) as error:
        call()
    assert message in str(error.value) + str(error.value.next_step)
