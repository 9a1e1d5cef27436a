"""The line of normalised losses: known data, naive twins, and what remains beyond the common point."""

import math

import numpy as np
import pytest

from gengap.errors import InputError
from gengap.verdicts import line, remainder

# Anscombe 1973, first data set: regression output as he printed it.
X = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
Y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]


def test_anscombes_first_data_set() -> None:
    found = line(X, Y)
    assert found.n == 11
    assert found.slope == pytest.approx(0.500, abs=5e-4)
    assert found.intercept == pytest.approx(3.00, abs=5e-3)
    assert found.r2 == pytest.approx(0.667, abs=6e-4)
    assert found.rmse**2 * 9 == pytest.approx(13.763, abs=1e-3)  # residual sum of squares, 13.75 of rounded fits
    low, high = found.intervals["slope"]
    assert (high - low) / 2 == pytest.approx(2.262157 * 0.118, rel=2e-3)  # t(9) times the printed standard error


def test_the_naive_twin() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=8)
    y = 0.8 * x + 0.1 * rng.normal(size=8)
    design = np.stack([x, np.ones(8)], axis=1)
    (slope, intercept), (residual,), *_ = np.linalg.lstsq(design, y, rcond=None)
    found, total = line(x, y), ((y - y.mean()) ** 2).sum()
    assert [found.slope, found.intercept] == pytest.approx([slope, intercept])
    assert found.r2 == pytest.approx(1 - residual / total)
    assert found.adjusted_r2 == pytest.approx(1 - (residual / 6) / (total / 7))
    assert found.rmse == pytest.approx(math.sqrt(residual / 6))
    assert found.fixed_point * found.slope + found.intercept == pytest.approx(found.fixed_point)
    for name in ("slope", "intercept", "r2", "adjusted_r2", "rmse", "fixed_point"):
        low, high = found.intervals[name]
        assert low < high


def test_losses_a_millionth_apart_keep_their_digits() -> None:
    """Normalised losses differ by 1e-6 and less, at 2.3; the line through them must not drown in round-off."""
    d = np.array([1.0, 2.0, 4.0, 7.0]) * 1e-7
    found = line(math.log(10) - d, math.log(10) - 0.8 * d)
    assert found.slope == pytest.approx(0.8, rel=1e-7)
    assert found.fixed_point == pytest.approx(math.log(10), rel=1e-9)
    assert found.r2 == pytest.approx(1, abs=1e-9)


def test_adjusted_r2_tells_the_number_of_points() -> None:
    """The paper's Figure 6 prints R2 = 0.9660 and adjusted R2 = 0.9592: seven points."""
    assert pytest.approx(0.9592) == 1 - (1 - 0.9660) * (7 - 1) / (7 - 2)


def test_t_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng, x = np.random.default_rng(0), np.arange(8.0)
    from scipy import stats

    held = 0
    for _ in range(400):
        y = 2 * x + 1 + rng.normal(size=8)
        fit = stats.linregress(x, y)
        held += abs(fit.slope - 2) < stats.t.ppf(0.975, 6) * fit.stderr
        if _ < 3:
            low, high = line(x, y).intervals["slope"]
            assert high - low == pytest.approx(2 * stats.t.ppf(0.975, 6) * fit.stderr)
    assert 0.92 < held / 400 < 0.98


def test_one_ratio_is_explained_by_the_common_point_alone() -> None:
    d = np.array([0.1, 0.2, 0.3, 0.5, 0.8])
    left = remainder(2 - d, 2 - 0.8 * d, log_classes=2.0)
    assert left.ratio == pytest.approx(0.8)
    assert left.ratio_deviation == pytest.approx(0, abs=1e-12)
    assert left.dealt_r2 == pytest.approx((1, 1))  # any deal of equal ratios gives the same line


def test_ratios_at_random_give_an_r2_as_high_as_ours() -> None:
    """The ratios vary by 2 %, the signals eightfold: R2 is near 1, and no more than that explains."""
    rng = np.random.default_rng(2)
    d = np.geomspace(0.1, 0.8, 12)
    left = remainder(2 - d, 2 - rng.normal(0.8, 0.016, 12) * d, log_classes=2.0)
    assert left.dealt_r2[0] > 0.99
    assert left.dealt_p > 0.05
    assert left.ratio_slope_p > 0.05


def test_a_ratio_that_follows_the_loss_is_told() -> None:
    rng = np.random.default_rng(3)
    d = np.linspace(0.3, 0.5, 12)
    ratios = 0.8 + (d - 0.4) + rng.normal(0, 0.002, 12)
    left = remainder(2 - d, 2 - ratios * d, log_classes=2.0)
    assert left.dealt_p < 0.01
    assert left.ratio_slope_p < 1e-6
    assert left.ratio_r2 > 0.9


@pytest.mark.parametrize(
    ("x", "y", "told"),
    [
        ([0, 1], [0, 1], "make no line"),
        ([1, 1, 1], [0, 1, 2], "points' x are all equal"),
        ([1, 1, 2, 2], [0, 1, 2, 3], "2 different x"),
        ([0, 1, 2], [0, 1, math.nan], "points' y are all equal or not finite"),
    ],
)
def test_points_that_make_no_line(x: list[float], y: list[float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        line(x, y)


def test_a_loss_of_ln_c_has_no_ratio() -> None:
    with pytest.raises(InputError, match="ln C"):
        remainder([2, 1, 1.5], [1, 1.2, 1.4], log_classes=2.0)
