"""The identity under which a measured setting is kept."""

from gengap.data import load
from gengap.train import preset, trial_key


def test_what_a_recipe_fixes_is_part_of_the_key() -> None:
    digits, recipe = load("digits"), preset("digits")
    keys = {
        trial_key(digits, recipe.model_copy(update={"precision": precision, "memory_format": layout}), "cpu")
        for precision in ("auto", "float32", "float64", "bfloat16")
        for layout in ("auto", "contiguous", "channels_last")
    }
    assert len(keys) == 4 * 3


def test_what_does_not_change_how_a_step_is_computed_is_not() -> None:
    digits, recipe = load("digits"), preset("digits")
    assert trial_key(digits, recipe, "cpu") == trial_key(digits, recipe.model_copy(update={"epochs": 7}), "cpu")
