"""The columns of a prediction file: class probabilities and the names of classes."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gengap.arrays import Floats
from gengap.errors import InputError, listed

PROBABILITY = ("probability_", "proba_", "prob_", "p_")  # what a column of class probabilities begins with
COLUMNS = "y_true with y_pred, or y_true with one probability column p_CLASS for each class"


def class_probabilities(table: pd.DataFrame, source: str) -> tuple[list[str], Floats]:
    """The classes that have a column of probabilities, and these columns, shape (N, C).

    Raises:
        InputError: There is none, two are of one class, or one holds no numbers.
    """
    found: dict[str, str] = {}
    for column in map(str, table.columns):
        prefix = next((prefix for prefix in PROBABILITY if column.startswith(prefix)), None)
        if prefix is None:
            continue
        name = column.removeprefix(prefix)
        if name in found:
            raise InputError(
                f"{source} has two probability columns for the class {name}: {found[name]} and {column}.",
                expected="one for each class",
                next_step="rename or leave out the one that is no probability",
            )
        found[name] = column
    if not found:
        raise InputError(
            f"{source} has no class probabilities; it has {listed(list(table.columns))}.",
            expected="one probability column p_CLASS for each class",
        )
    try:
        return list(found), table[list(found.values())].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise InputError(
            f"{source} holds probabilities that are not numbers, in the columns {listed(list(found.values()))}.",
            expected="numbers in [0, 1]",
            next_step="rename what holds no probabilities",
        ) from None


def class_names(labels: NDArray[Any]) -> NDArray[Any]:
    """Labels as text, to be compared with the names of columns: whole numbers without a decimal point."""
    whole = np.issubdtype(labels.dtype, np.floating) and bool(np.all(labels == np.floor(labels)))
    return (labels.astype(np.int64) if whole else labels).astype(str)
