"""Recipes: validated, frozen, identified by their hash; presets hold the paper's values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gengap.errors import InputError
from gengap.train import PRESETS, Recipe, default_preset, preset


@given(st.floats(1e-6, 10), st.integers(1, 10_000), st.booleans())
def test_json_round_trip_keeps_the_hash(learning_rate: float, batch_size: int, flip: bool) -> None:
    recipe = Recipe(learning_rate=learning_rate, batch_size=batch_size, flip=flip)
    again = Recipe.model_validate_json(recipe.model_dump_json())
    assert again == recipe
    assert again.hash == recipe.hash


def test_every_field_changes_the_hash() -> None:
    changes = {
        "model": "mlp-3x512",
        "learning_rate": 0.02,
        "momentum": 0.8,
        "batch_size": 64,
        "decay": 0.9,
        "decay_steps": 100,
        "weight_decay": 0.1,
        "dropout": 0.1,
        "random_crop": True,
        "flip": True,
        "epochs": 7,
        "target_loss": 0.1,
        "interpolate": True,
        "evaluate_every": 2,
        "snapshots": (1,),
        "snapshot_loss": 0.1,
        "winsorize": 2.0,
        "optimizer": "adamw",
        "nesterov": True,
        "beta1": 0.8,
        "beta2": 0.9,
        "smoothing": 0.9,
        "epsilon": 1e-6,
        "gradient_clip": 1.0,
        "schedule": "cosine",
        "decay_epochs": 3,
        "warm_up_epochs": 1.0,
        "loss": "squared",
        "label_smoothing": 0.1,
        "mixup": 0.2,
        "pad": 4,
        "rotation": 25.0,
        "darc1": 0.1,
        "top_k": 5,
        "precision": "float32",
        "memory_format": "contiguous",
    }
    assert set(changes) == set(Recipe.model_fields)
    rules = {"beta1": "adam", "beta2": "adam", "smoothing": "rmsprop", "epsilon": "rmsprop"}  # whose fields these are
    recipes = [Recipe(**{"optimizer": rules.get(name, "sgd"), name: value}) for name, value in changes.items()]
    assert len({recipe.hash for recipe in recipes if recipe.optimizer == "adam"}) == 2
    hashes = {recipe.hash for recipe in recipes} | {Recipe().hash}
    assert len(hashes) == len(changes) + 1


def test_recipes_of_stored_rows_keep_their_hash() -> None:
    """Rows are found by it, and some were stored before recipes had all of their fields."""
    assert Recipe().hash == "40291bbdc081e002"


def test_a_recipe_is_frozen() -> None:
    with pytest.raises(ValidationError):
        Recipe().epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"learning_rate": -1}, "learning_rate"),
        ({"learning_rate": float("inf")}, "learning_rate"),
        ({"epochs": 0}, "epochs"),
        ({"dropout": 1.0}, "dropout"),
        ({"momentum": 1}, "momentum"),
        ({"learning_rat": 0.1}, "did you mean 'learning_rate'"),
        ({"epochs": 3, "snapshots": (4,)}, "snapshots"),
    ],
)
def test_bad_values_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Recipe.parse(values)
    assert len(str(caught.value).splitlines()) <= 3


def test_presets_hold_the_papers_values() -> None:
    for name, rate in (("zhang2017-inception", 0.1), ("zhang2017-alexnet", 0.01), ("zhang2017-mlp", 0.01)):
        recipe = preset(name)
        assert (recipe.learning_rate, recipe.momentum, recipe.batch_size) == (rate, 0.9, 128)
        assert (recipe.decay, recipe.decay_steps) == (0.95, 391)
        assert (recipe.weight_decay, recipe.dropout, recipe.random_crop, recipe.flip) == (0, 0, False, False)


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(InputError, match="zhang2017-mlp"):
        preset("zhang2017-mpl")


def test_every_default_preset_exists() -> None:
    for data_set in ("digits", "cifar10", None):
        for model in (None, "mlp-3x512", "alexnet-small", "inception-small-no-bn", "mine:make"):
            assert default_preset(data_set, model) in PRESETS
