"""Every numeric argument of a bound: what is no number in its range is refused, whatever its type."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gengap import bounds
from gengap.errors import InputError

CONSTANTS = bounds.BernsteinConstants(1.0, 1.0, 1.0, 1.0)
CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any], tuple[str, ...]]] = {
    "empirical_bernstein": (bounds.empirical_bernstein, {"errors": 3, "n": 50, "variance": 0.05}, ("variance",)),
    "gap": (bounds.kawaguchi2017_gap, {"n": 50, "C": 1.0, "gamma_squared": 0.5}, ("C", "gamma_squared")),
    "examples_needed": (bounds.examples_needed, {"gap": 0.2}, ("gap",)),
    "paired_power": (bounds.paired_power, {"n": 20, "p_a": 0.1, "p_b": 0.2}, ("n", "p_a", "p_b")),
    "paired_examples_needed": (
        bounds.paired_examples_needed,
        {"p_a": 0.0, "p_b": 0.4, "power": 0.5},
        ("p_a", "p_b", "power"),
    ),
    "theorem8": (
        bounds.kawaguchi2017_theorem8,
        {"squared_norms": 1.0, "l1_norms": 2.0, "n": 50, "constants": CONSTANTS, "paths": 4, "outputs": 3},
        ("squared_norms", "l1_norms", "n", "constants", "paths", "outputs"),
    ),
    "theorem9": (
        bounds.kawaguchi2017_theorem9,
        {"margin_risk": 0.1, "n": 50, "feature_norm": 1.0, "weight_norm": 1.0, "outputs": 3, "margin": 1.0},
        ("margin_risk", "n", "feature_norm", "weight_norm", "outputs", "margin"),
    ),
    "weight_norm": (bounds.kawaguchi2017_weight_norm, {"norm": 1.0, "delta": 0.05}, ("norm", "delta")),
    "scaled_losses": (bounds.scaled_losses, {"losses": [0.5], "loss_bound": 2.0}, ("loss_bound",)),
    "f1": (bounds.f1_lower, {"tp": 30, "fp": 4, "fn": 5}, ("tp", "fp", "fn")),
    "auc": (bounds.auc, {"positives": [0.5], "negatives": [0.2]}, ("positives", "negatives")),
    "ladder": (bounds.Ladder, {"y_true": [0, 1], "step": 0.1}, ("step",)),
    "leaderboard": (bounds.Leaderboard, {"n": 50, "step": 0.1, "planned": 3}, ("n", "step", "planned")),
    "hardt2016": (
        bounds.hardt2016_convex,
        {"constants": bounds.LossConstants(1.0, 1.0), "steps": [0.1], "n": 9},
        ("constants", "n"),
    ),
    "decision_steps": (bounds.vc_dimension_bound, {"steps": [bounds.DecisionStep(10, 3, 1)]}, ("steps",)),
    "tried": (bounds.clopper_pearson, {"errors": 3, "n": 50, "tried": 2, "delta": 0.1}, ("errors", "n", "tried")),
    "levels": (bounds.betting, {"losses": [0.5], "tried": 1, "delta": 0.1}, ("losses", "tried", "delta")),
}


@pytest.mark.parametrize("value", [math.nan, math.inf, "1", "abc", b"1", 1j, {}, [], -1], ids=repr)
@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_number_in_range_is_refused(name: str, value: Any) -> None:
    call, given, arguments = CALLS[name]
    call(**given)
    for argument in arguments:
        with pytest.raises(InputError):
            call(**given | {argument: value})


def test_numbers_of_numpy_that_cannot_hold_the_result_count_like_pythons() -> None:
    small = bounds.DecisionStep(np.int8(100), np.int8(100), np.int8(2))  # type: ignore[arg-type]
    assert bounds.vc_dimension_bound([small]) == bounds.vc_dimension_bound([bounds.DecisionStep(100, 100, 2)])
    options = {"feature_norm": 1.0, "weight_norm": 1.0}
    value = bounds.kawaguchi2017_theorem9(0.1, 100, outputs=np.int8(20), **options)  # type: ignore[arg-type]
    assert value == pytest.approx(0.1 + 2 * 20**2 / 10 + math.sqrt(math.log(20) / 200))
    assert bounds.paired_power(np.int8(100), 0.0, 0.1) == bounds.paired_power(100, 0.0, 0.1)  # type: ignore[arg-type]


def test_the_power_without_discordant_examples_is_zero() -> None:
    assert bounds.paired_power(50, 0.0, 0.0) == 0.0
