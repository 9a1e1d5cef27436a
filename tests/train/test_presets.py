"""Recipes chosen by name or from a file: a file names no code, whatever else it holds."""

import json
from pathlib import Path

import pytest

import gengap
from gengap.errors import InputError
from gengap.train import choose_recipe


@pytest.fixture(scope="module")
def digits() -> gengap.Problem:
    return gengap.load("digits")


def test_a_file_that_names_code_is_refused_and_the_code_not_imported(digits: gengap.Problem, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps({"model": "os:abort", "epochs": 3}))
    with pytest.raises(InputError, match="names code to run") as raised:
        choose_recipe(str(tmp_path / "recipe.json"), digits)
    assert "--allow-code" in raised.value.next_step
    assert choose_recipe(tmp_path / "recipe.json", digits, allow_code=True).model == "os:abort"
    assert choose_recipe(tmp_path / "recipe.json", digits, "mlp-3x512").model == "mlp-3x512"
    assert choose_recipe(tmp_path / "recipe.json", digits, changes={"model": "mine:make"}).model == "mine:make"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"epochs": 1, "epochs": 2}', "names 'epochs' twice"),
        ('{"epochs": ' + "9" * 5000 + "}", "is no JSON: Exceeds the limit"),
        ('{"epochs": 1e400}', "epochs: Input should be a finite number"),
        ('{"learning_rate": NaN}', "learning_rate"),
        ('{"model": ["os", "abort"]}', "model: Input should be a valid string"),
        ("\0", "no text"),
    ],
)
def test_a_file_that_is_no_recipe_gives_one_message(
    text: str, message: str, digits: gengap.Problem, tmp_path: Path
) -> None:
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(InputError, match=message) as raised:
        choose_recipe(str(tmp_path / "recipe.json"), digits)
    assert len(str(raised.value).splitlines()) <= 3


def test_a_function_is_no_recipe(digits: gengap.Problem) -> None:
    with pytest.raises(InputError, match="The recipe is a function"):
        choose_recipe(lambda: None, digits)  # type: ignore[arg-type]
