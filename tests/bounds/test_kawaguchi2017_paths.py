"""Theorems 8 and 9: by hand, by their laws, and by simulation where Bernstein's inequality can fail."""

import math

import numpy as np
import pytest

from gengap.bounds import (
    BernsteinConstants,
    kawaguchi2017_theorem8,
    kawaguchi2017_theorem9,
    kawaguchi2017_weight_norm,
)
from gengap.errors import InputError

CONSTANTS = BernsteinConstants(4.0, 3.0, 2.0, 1.5, 0.5, 0.2)


def test_theorem_8_by_its_formula() -> None:
    n, paths, outputs, delta = 500, 1e6, 10, 0.1
    found = kawaguchi2017_theorem8(7.0, 20.0, n, CONSTANTS, paths=paths, outputs=outputs, delta=delta)
    one, two, three = math.log(3e7), math.log(60e7), math.log(30)
    assert found.beta_1 == pytest.approx(2 * 4 / (3 * n) * one + math.sqrt(2 * 3 / n * one))
    assert found.beta_2 == pytest.approx(2 * 2 / (3 * n) * two + math.sqrt(2 * 1.5 / n * two))
    assert found.beta_3 == pytest.approx(2 * 0.5 / (3 * n) * three + math.sqrt(2 * 0.2 / n * three))
    assert found.gap == pytest.approx(7 * found.beta_1 + 40 * found.beta_2 + found.beta_3)
    printed = kawaguchi2017_theorem8(
        7.0, 20.0, n, CONSTANTS, paths=paths, outputs=outputs, delta=delta, as_printed=True
    )
    assert printed.beta_2 == pytest.approx(2 * 2 / (3 * n) * two + math.sqrt(1.5 / n * two))
    assert (printed.beta_1, printed.beta_3) == (found.beta_1, found.beta_3)


def test_so_many_paths_that_only_their_logarithm_is_small() -> None:
    assert math.isfinite(kawaguchi2017_theorem8(1.0, 1.0, 100, CONSTANTS, paths=1e300, outputs=10).gap)


def test_theorem_8_holds_for_a_linear_model_in_simulation() -> None:
    """One feature that is rarely 1, labels equal to it: the deviation of each moment, in turn, exceeds its factor."""
    rng, p, n, delta = np.random.default_rng(0), 0.05, 100, 0.3
    z = (rng.random((20_000, n)) < p).astype(float)
    second = p - z.mean(1)  # E z^2 - mean, which is E y z - mean too
    constants = BernsteinConstants(p, p * (1 - p), 1 - p, p * (1 - p), p, p * (1 - p))
    found = kawaguchi2017_theorem8(1.0, 1.0, n, constants, paths=1, outputs=1, delta=delta)
    w = rng.normal(size=200)
    gaps = (w**2 - 2 * w)[None, :] * second[:, None] + second[:, None]
    allowed = found.beta_1 * w**2 + 2 * found.beta_2 * np.abs(w) + found.beta_3
    assert np.mean((gaps > allowed).any(1)) <= delta
    assert found.beta_1 < 4 * np.quantile(np.abs(second), 1 - delta / 3)  # and it is no idle bound


def test_theorem_9_by_hand_and_a_norm_that_is_known_after_training() -> None:
    found = kawaguchi2017_theorem9(0.1, 400, feature_norm=1.0, weight_norm=2.0, outputs=2, margin=0.5, delta=0.1)
    assert found == pytest.approx(0.1 + 2 * 4 * 2 / (0.5 * 20) + math.sqrt(math.log(10) / 800))
    assert kawaguchi2017_weight_norm(1.0, 0.3) == (1.0, pytest.approx(0.1))
    assert kawaguchi2017_weight_norm(0.3, 0.3) == (0.5, pytest.approx(0.3 / 9))
    levels = [kawaguchi2017_weight_norm(2.0**j, 0.05)[1] for j in range(-300, 301)]
    assert 0.049 < sum(levels) < 0.05
    for norm in np.geomspace(1e-9, 1e9, 50):
        assert norm <= kawaguchi2017_weight_norm(norm, 0.05)[0] < 2 * norm


@pytest.mark.parametrize(
    "call",
    [
        lambda: kawaguchi2017_theorem8(-1.0, 1.0, 10, CONSTANTS, paths=1, outputs=1),
        lambda: kawaguchi2017_theorem8(1.0, 1.0, 0, CONSTANTS, paths=1, outputs=1),
        lambda: kawaguchi2017_theorem8(1.0, math.nan, 10, CONSTANTS, paths=1, outputs=1),
        lambda: kawaguchi2017_theorem8(1.0, 1.0, 10, CONSTANTS, paths=1, outputs=1, delta=0),
        lambda: kawaguchi2017_theorem8(1.0, 1.0, 10, CONSTANTS._replace(C_y=-1.0), paths=1, outputs=1),
        lambda: kawaguchi2017_theorem9(1.1, 10, feature_norm=1, weight_norm=1, outputs=2),
        lambda: kawaguchi2017_theorem9(0.1, 10, feature_norm=1, weight_norm=1, outputs=1),
        lambda: kawaguchi2017_theorem9(0.1, 10, feature_norm=1, weight_norm=1, outputs=2, margin=0),
        lambda: kawaguchi2017_weight_norm(0.0, 0.05),
    ],
)
def test_refuses_what_is_out_of_range(call: object) -> None:
    with pytest.raises(InputError):
        call()
