"""The loss of each row of a prediction file: right or wrong, Brier, errors of numbers, top-k."""

import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gengap.arrays import Floats
from gengap.bounds import brier_losses, scaled_losses, zero_one_losses
from gengap.errors import InputError
from gengap.tasks.certify.columns import class_names, class_probabilities

_OF_NUMBERS = ("absolute", "squared")


def losses_of(
    source: str, y_true: NDArray[Any], y_pred: NDArray[Any], table: pd.DataFrame, loss: str, loss_bound: float | None
) -> tuple[Floats, str, bool]:
    """The losses in [0, 1], what they are called, and whether each is right or wrong.

    Raises:
        InputError: The loss is unknown, or the file does not hold what it needs.
    """
    if loss_bound is not None and loss not in _OF_NUMBERS:
        raise InputError("--loss-bound goes with the loss of numbers.", expected="--loss absolute or --loss squared")
    if loss == "zero-one":
        return zero_one_losses(y_true, y_pred), "error rate", True
    if loss == "brier":
        classes, probabilities = class_probabilities(table, source)
        return brier_losses(class_names(y_true), probabilities, classes), "Brier loss", False
    if loss in _OF_NUMBERS:
        return _of_numbers(source, y_true, y_pred, loss, loss_bound), f"mean {loss} error", False
    k = loss.removeprefix("top-")
    if loss.startswith("top-") and k.isdigit() and int(k) >= 1:
        return _top_k(source, y_true, table, int(k)), f"top-{k} error rate", True
    raise InputError(f"Unknown loss {loss!r}.", expected="zero-one, brier, absolute, squared, or top-K such as top-5")


def _of_numbers(source: str, y_true: NDArray[Any], y_pred: NDArray[Any], loss: str, loss_bound: float | None) -> Floats:
    if loss_bound is None:
        raise InputError(
            f"--loss {loss} needs --loss-bound.",
            expected="the largest possible error, known beforehand and not taken from this file",
        )
    kinds = y_true.dtype.kind + y_pred.dtype.kind
    if not set(kinds) <= set("iuf"):
        raise InputError(
            f"{source}: y_true and y_pred are not both numbers.", expected="measured and predicted numbers"
        )
    error = np.abs(y_true.astype(np.float64) - y_pred.astype(np.float64))
    return scaled_losses(error if loss == "absolute" else error**2, loss_bound)


def _top_k(source: str, y_true: NDArray[Any], table: pd.DataFrame, k: int) -> Floats:
    """1 where the label is not among the k predicted first; among equal probabilities it is taken for the last."""
    lists = [_as_list(value) for value in table["y_pred"].tolist()] if "y_pred" in table else [None]
    if all(value is not None for value in lists):
        labels = class_names(y_true)
        return np.array(
            [float(label not in map(str, (row or [])[:k])) for label, row in zip(labels, lists, strict=True)]
        )
    classes, probabilities = class_probabilities(table, source)
    if k >= len(classes):
        raise InputError(
            f"top-{k} of {len(classes)} classes is always right.", expected=f"at most top-{max(1, len(classes) - 1)}"
        )
    labels = class_names(y_true)
    position = {name: i for i, name in enumerate(classes)}
    strange = sorted(set(labels.tolist()) - set(classes))
    if strange:
        raise InputError(
            f"The label {strange[0]!r:.40} has no probability column.", expected="labels among the columns"
        )
    of_label = probabilities[np.arange(len(labels)), [position[label] for label in labels.tolist()]]
    return np.asarray((probabilities >= of_label[:, None]).sum(axis=1) > k, dtype=np.float64)


def _as_list(value: Any) -> list[Any] | None:
    """A list of predictions, best first: a list, an array, or its JSON as text."""
    if isinstance(value, list | tuple | np.ndarray):
        return list(value)
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            parsed = json.loads(value)
        except json.JSONDecodeError:
            return None
        return parsed if isinstance(parsed, list) else None
    return None
