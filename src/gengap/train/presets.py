"""Recipes by name: the papers' values, and one for each embedded data set that is known to fit random labels."""

from collections.abc import Mapping
from pathlib import Path

from gengap.data import Problem, data_set_of, read_json
from gengap.errors import InputError, unknown
from gengap.train.optimizers import FIELDS
from gengap.train.recipe import STAIRCASE, Recipe

# Zhang et al. 2017: learning rate 0.1 for Inception, 0.01 for AlexNet and the MLPs; epochs as their curves need.
PRESETS = {
    "zhang2017-inception": Recipe(model="inception-small", learning_rate=0.1, epochs=68),
    "zhang2017-alexnet": Recipe(model="alexnet-small", learning_rate=0.01, epochs=68),
    "zhang2017-mlp": Recipe(model="mlp-1x512", learning_rate=0.01, epochs=100),
    # 1,297 images of 8 x 8: smaller minibatches and larger steps, since 391 steps are ten epochs here.
    "tokens": Recipe(
        model="transformer-2x64",
        optimizer="adamw",
        momentum=0.0,
        learning_rate=0.001,
        weight_decay=0.01,
        schedule="cosine",
        warm_up_epochs=2,
        gradient_clip=1.0,
        batch_size=64,
        epochs=60,
    ),
    "digits": Recipe(model="mlp-1x512", learning_rate=0.05, batch_size=32, epochs=300, interpolate=True),
}


def preset(name: str) -> Recipe:
    """The Recipe of that name.

    Raises:
        InputError: No preset has that name.
    """
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return PRESETS[name]


def default_preset(data_set: str | None, model: str | None) -> str:
    """The preset when the user names none, for a named data set (None: other data) and a model (None: any)."""
    if data_set is not None and data_set in PRESETS:
        return data_set
    for family in ("inception", "alexnet"):
        if model is not None and model.startswith(family):
            return f"zhang2017-{family}"
    return "zhang2017-mlp"


def choose_recipe(
    name: str | Path | None,
    problem: Problem,
    model: str | None = None,
    changes: Mapping[str, object] | None = None,
    *,
    allow_code: bool = False,
) -> Recipe:
    """The Recipe that a name stands for, with another model or other fields where asked.

    Args:
        name: A preset, or a JSON file with a recipe's fields; None takes the preset of the data set or the model, of
            tokens the preset ``tokens``.
        problem: What it is to train on.
        model: A named model or ``module.path:factory``; None keeps the recipe's.
        changes: Field -> value, also as text.
        allow_code: Whether a file may name ``module.path:factory``, whose code is then run. A file may come from
            anybody, so by default it names one of the models of ``gengap models``.

    Raises:
        InputError: No such preset, a file that cannot be read or that names code, or a field or value that no Recipe
            has.
    """
    if not (name is None or isinstance(name, str | Path)):
        raise InputError(
            f"The recipe is a {type(name).__name__}.",
            expected="a gengap.train.Recipe, the name of a preset, or the path of a JSON file",
        )
    chosen = {**(changes or {}), **({} if model is None else {"model": model})}
    if name is not None and str(name).endswith(".json"):
        fields = _fields(Path(name))
        if not allow_code and "model" not in chosen:
            _refuse_code(fields, str(name))
    else:
        named = data_set_of(problem)
        default = default_preset(named.name if named else None, model) if problem.vocabulary is None else "tokens"
        fields = preset(str(name or default)).model_dump()
    return Recipe.parse({**_still_fitting(fields, chosen), **chosen})


def _still_fitting(fields: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """Fields without those that belong to another optimizer or schedule than the one that is asked for."""
    gone: set[str] = set()
    if changes.get("optimizer", fields.get("optimizer", "sgd")) != fields.get("optimizer", "sgd"):
        gone |= frozenset().union(*FIELDS.values())
    if changes.get("schedule", fields.get("schedule", "staircase")) != fields.get("schedule", "staircase"):
        gone |= set(STAIRCASE)
    return {name: value for name, value in fields.items() if name not in gone}


def _fields(path: Path) -> dict[str, object]:
    expected = "a JSON object of a recipe's fields"
    fields = read_json(path, expected)
    if not isinstance(fields, dict):
        raise InputError(f"{path} holds no recipe.", expected=expected)
    return fields


def _refuse_code(fields: Mapping[str, object], path: str) -> None:
    model = fields.get("model")
    if isinstance(model, str) and ":" in model:
        raise InputError(
            f"{path} names code to run as its model: {model!r:.80}.",
            expected="a named model (gengap models) in a file; module.path:factory on the command line or in Python",
            next_step=f"if you trust it, give --model {model:.80}, or --allow-code (allow_code=True)",
        )
