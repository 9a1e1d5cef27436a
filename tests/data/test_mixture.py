"""Two Gaussians, and what noise in labels makes of an error: against simulation and cases known by hand."""

import numpy as np
import pytest
from scipy.stats import norm

from gengap.data import error_on_noisy_labels, two_gaussians, two_gaussians_bayes_error
from gengap.errors import InputError


@pytest.mark.parametrize("distance", [0.0, 0.5, 2.0, 10.0])
def test_the_bayes_error_is_the_normal_tail(distance):
    assert two_gaussians_bayes_error(distance) == pytest.approx(norm.cdf(-distance / 2), rel=1e-12)


def test_the_sign_of_the_first_coordinate_has_the_bayes_error():
    made = two_gaussians(1, 200_000, distance=2.0, n_features=2, seed=3)
    wrong = (made.test.x[:, 0] > 0) != made.test.y
    assert wrong.mean() == pytest.approx(two_gaussians_bayes_error(2.0), abs=4 * (0.16 * 0.84 / 200_000) ** 0.5)


def test_splits_and_seeds_differ_and_the_same_seed_does_not():
    one, again, other = (two_gaussians(20, 20, seed=seed) for seed in (0, 0, 1))
    assert one.hash == again.hash != other.hash
    assert not np.array_equal(one.train.x, one.test.x)


@pytest.mark.parametrize("n_classes", [2, 10])
def test_redrawn_labels_give_the_error_that_the_formula_says(n_classes):
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, 400_000)
    said = np.where(rng.random(len(y)) < 0.3, (y + 1) % n_classes, y)  # a rule with an error of 30 %
    redrawn = np.where(rng.random(len(y)) < 0.4, rng.integers(0, n_classes, len(y)), y)
    expected = error_on_noisy_labels(0.3, 0.4, n_classes)
    assert (said != redrawn).mean() == pytest.approx(expected, abs=4 * 0.5 / len(y) ** 0.5)


def test_ends_of_the_noise():
    assert error_on_noisy_labels(0.25, 0.0, 10) == 0.25
    assert error_on_noisy_labels(0.25, 1.0, 10) == pytest.approx(0.9)
    assert error_on_noisy_labels(0.5, 0.7, 2) == pytest.approx(0.5)  # chance stays chance


@pytest.mark.parametrize(
    "call",
    [
        lambda: two_gaussians(0, 5),
        lambda: two_gaussians(5, 5, distance=-1.0),
        lambda: two_gaussians_bayes_error(float("nan")),
        lambda: error_on_noisy_labels(1.2, 0.1, 10),
        lambda: error_on_noisy_labels(0.2, 0.1, 1),
    ],
)
def test_bad_numbers_are_refused(call):
    with pytest.raises(InputError):
        call()
