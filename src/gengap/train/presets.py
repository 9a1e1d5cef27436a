"""Recipes by name: the papers' values, and one for each embedded data set that is known to fit random labels."""

from gengap.errors import unknown
from gengap.train.recipe import Recipe

# Zhang et al. 2017: learning rate 0.1 for Inception, 0.01 for AlexNet and the MLPs; epochs as their curves need.
PRESETS = {
    "zhang2017-inception": Recipe(model="inception-small", learning_rate=0.1, epochs=68),
    "zhang2017-alexnet": Recipe(model="alexnet-small", learning_rate=0.01, epochs=68),
    "zhang2017-mlp": Recipe(model="mlp-1x512", learning_rate=0.01, epochs=100),
    # 1,297 images of 8 x 8: smaller minibatches and larger steps, since 391 steps are ten epochs here.
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
