"""An interpolation in words: what every value is called and how its number is written."""

from collections.abc import Callable, Mapping
from typing import Any

from gengap.report.plain import percent, plain

LABELS = {"train_error": "training error", "peak_memory_bytes": "peak memory", "n_inputs": "inputs"}
# How the values that are neither counts nor plain numbers are written.
FORMATS: dict[str, Callable[[Any], str]] = {
    "train_error": percent,
    "test_error": percent,
    "peak_memory_bytes": lambda value: f"{value / 2**20:,.0f} MiB",
    "condition": lambda value: f"at least {plain(value)}",
}


def value_text(name: str, value: Any, reasons: Mapping[str, str]) -> str:
    """A value in words; a dash and the reason where there is none.

    >>> value_text("train_error", 0.02, {}), value_text("first_round_without_training_error", 2, {})
    ('2.00%', '2')
    """
    if value is None:
        return f"– ({reasons[name]})" if name in reasons else "–"
    if name in FORMATS:
        return FORMATS[name](value)
    return plain(value) if isinstance(value, int | float) else str(value)


MAPS = {"gabor": "Gabor features", "conv": "random convolutions", "zca": "ZCA whitening"}


def seen_as(stored: str, preprocess: str) -> str:
    """What the interpolator is fed: the examples as they are seen, then the feature map.

    >>> seen_as("pixels divided by 255", "zca")
    'pixels divided by 255; then ZCA whitening'
    """
    return f"{stored}; then {MAPS[preprocess]}" if preprocess in MAPS else stored


def label(name: str) -> str:
    """What a value is called."""
    return LABELS.get(name, name.replace("_", " "))


def sentence(train_error: float, test_error: float, n_train: int) -> str:
    """Both errors, and whether every label is fitted."""
    missed = round(train_error * n_train)
    fitted = f"{missed:,} of {n_train:,} training labels are not fitted" if missed else "every training label is fitted"
    return f"Training error {percent(train_error)}, test error {percent(test_error)}: {fitted}."
