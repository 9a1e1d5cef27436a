"""The accuracy that a checkpoint states of its network, whichever trainer wrote it."""

import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from gengap.data import read_json
from gengap.errors import InputError
from gengap.tasks.files.weights import read_document

DEEPEST = 3  # levels below the top at which it may stand
TRAINER_STATE = "trainer_state.json"  # of the Trainer of Hugging Face
_ACCURACY = re.compile(r"(^|[\W_])(acc|accuracy|(acc|top|prec)[@_-]?1)($|[\W_])")
_TRAINING = re.compile(r"(^|[\W_])(train|training|tr)($|[\W_])")
_TEST = re.compile(r"(^|[\W_])(test|te)($|[\W_])")
_SKIPPED = ("optim", "sched", "scaler", "rng", "hyper_parameters", "hparams", "args", "config")


class StatedAccuracy(NamedTuple):
    """An accuracy that stands in a checkpoint.

    Attributes:
        value: A fraction, in (0, 1].
        place: Where it stands, e.g. ``val_acc`` or ``metrics.accuracy``.
    """

    value: float
    place: str


def stated_accuracy(source: str | Path | None) -> StatedAccuracy | None:
    """The accuracy that a checkpoint states; None where it states none.

    A number above 1 is a percentage. Of several, one of a test split comes before one of validation, and that of the
    stored weights before the best so far; one of training is none.

    Args:
        source: A file of weights, or a folder of Hugging Face; anything else states none.

    Raises:
        InputError: The file cannot be read.
    """
    if source is None:
        return None
    if os.path.isdir(source):
        stated = list(_of_trainer(Path(source) / TRAINER_STATE))
    elif os.path.isfile(source) and Path(source).suffix != ".safetensors":  # which holds tensors alone
        stated = list(_stated(read_document(source, mapped=True), "", 0))
    else:
        return None
    return min(stated, key=_rank, default=None)


def expected_accuracy(known: float | None, source: str | Path | None) -> dict[str, Any]:
    """The accuracy that a network should have: ``expected``, a fraction or None.

    ``stated_in`` is the place in the checkpoint that states it, empty where the user does or nobody.

    Args:
        known: As the user knows it; None takes what the checkpoint states, if it does.
        source: The checkpoint, a file or a folder.
    """
    if known is not None:
        return {"expected": known, "stated_in": ""}
    stated = stated_accuracy(source)
    return {"expected": stated and stated.value, "stated_in": "" if stated is None else stated.place}


def _rank(stated: StatedAccuracy) -> tuple[bool, bool]:
    place = stated.place.lower()
    return _TEST.search(place) is None, "best" in place


def _stated(document: Any, place: str, depth: int) -> Iterator[StatedAccuracy]:
    if not isinstance(document, Mapping) or depth > DEEPEST or any(part in place.lower() for part in _SKIPPED):
        return
    if any(isinstance(value, Tensor) and value.ndim for value in document.values()):  # a state dict
        return
    yield from _monitored(document)
    for name, value in document.items():
        if isinstance(name, str):
            inner = f"{place}.{name}" if place else name
            number = _fraction(value)
            if number is not None and _is_accuracy(name):
                yield StatedAccuracy(number, inner)
            yield from _stated(value, inner, depth + 1)


def _monitored(document: Mapping[Any, Any]) -> Iterator[StatedAccuracy]:
    """What Lightning's ModelCheckpoint followed, as it was for these weights."""
    name, number = document.get("monitor"), _fraction(document.get("current_score"))
    if isinstance(name, str) and _is_accuracy(name) and number is not None:
        yield StatedAccuracy(number, name)


def _of_trainer(file: Path) -> Iterator[StatedAccuracy]:
    """The accuracy of the last evaluation."""
    try:
        history = read_json(file, "the state of a Trainer").get("log_history", [])
    except (InputError, AttributeError):  # no such file, or another's
        return
    for entry in reversed(history if isinstance(history, list) else []):
        if found := list(_stated(entry, "", DEEPEST)):
            yield from found
            return


def _is_accuracy(name: str) -> bool:
    return bool(_ACCURACY.search(name.lower())) and not _TRAINING.search(name.lower())


def _fraction(value: Any) -> float | None:
    if isinstance(value, Tensor):
        value = value.item() if value.numel() == 1 and not value.ndim else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    number = value / 100 if value > 1 else float(value)
    return number if 0 < number <= 1 else None
