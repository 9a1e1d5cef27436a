"""Prediction files: CSV, TSV or Parquet tables, one row an example."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gengap.bounds import Floats
from gengap.data import read_frame
from gengap.errors import InputError, unknown
from gengap.tasks.certify.losses import brier_losses, predicted_labels, zero_one_losses

_PROBABILITY = ("probability_", "proba_", "prob_", "p_")  # what a column of class probabilities begins with
_COLUMNS = "y_true with y_pred, or y_true with one probability column p_CLASS for each class"


@dataclass(frozen=True)
class Predictions:
    """One model's predictions: labels, and predicted labels or class probabilities, in the file's order."""

    source: str
    y_true: NDArray[Any]
    y_pred: NDArray[Any]
    probabilities: Floats | None
    classes: list[str]
    table: pd.DataFrame

    def zero_one(self) -> Floats:
        """0-1 losses, shape (N,)."""
        return zero_one_losses(self.y_true, self.y_pred)

    def brier(self) -> Floats:
        """Brier losses in [0, 1], shape (N,).

        Raises:
            InputError: The file has no class probabilities.
        """
        if self.probabilities is None:
            raise InputError(f"{self.source} has no class probabilities.", expected="y_true and columns p_CLASS")
        return brier_losses(_names(self.y_true), self.probabilities, self.classes)

    def as_text(self) -> "Predictions":
        """The same with all labels as text, as they are where predictions were read off the columns' names.

        Raises:
            InputError: A label is missing.
        """
        self.zero_one()  # what is missing is told as such, before it becomes text
        return replace(self, y_true=_names(self.y_true), y_pred=_names(self.y_pred))

    def groups(self, column: str) -> NDArray[Any]:
        """The column of groups, shape (N,).

        Raises:
            InputError: There is no such column.
        """
        if column not in self.table:
            raise unknown(f"column of {self.source}", column, map(str, self.table.columns))
        return _array(self.table[column])


def read_predictions(path: str | Path) -> Predictions:
    """One model's predictions from a table with ``y_true`` and ``y_pred``, or class probabilities ``p_CLASS``.

    Raises:
        InputError: The file is no table, has no labels, or neither predictions nor probabilities.
    """
    table = read_frame(path)
    source = Path(path).name
    if "y_true" not in table:
        raise InputError(
            f"{source} has no column y_true; it has {_listed(table)}.", expected=_COLUMNS, next_step="add the labels"
        )
    y_true = _array(table["y_true"])
    found = {str(c): str(c).removeprefix(p) for p in reversed(_PROBABILITY) for c in table if str(c).startswith(p)}
    classes = list(found.values())
    probabilities = _numbers(table[list(found)], source) if found else None
    if "y_pred" in table:
        return Predictions(source, y_true, _array(table["y_pred"]), probabilities, classes, table)
    if probabilities is None:
        raise InputError(f"{source} has labels but no predictions; it has {_listed(table)}.", expected=_COLUMNS)
    y_pred = predicted_labels(probabilities, classes)
    zero_one_losses(y_true, y_true)  # labels that are missing are told as such, before they become names
    return Predictions(source, _names(y_true), y_pred, probabilities, classes, table)


def read_all_predictions(path: str | Path) -> tuple[list[str], Floats]:
    """The names of M models and their 0-1 losses, shape (M, N), from one table.

    Either the rows are models: the first column holds their names, one row is named ``y_true``, every other column
    is an example. Or the rows are examples: a column ``y_true``, every other column is a model's predictions.

    Raises:
        InputError: The file is no table, or has no labels or no model.
    """
    table = read_frame(path)
    if "y_true" not in table:
        rows = table.set_index(table.columns[0])
        if "y_true" not in rows.index:
            raise InputError(
                f"{Path(path).name} has neither a row nor a column y_true.",
                expected="a row a model, named in the first column, with one row y_true; or a column y_true and a "
                "column for each model",
            )
        table = rows.T.infer_objects()
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise InputError(f"{Path(path).name} names {twice!s} twice.", expected="a name of its own for each model")
    models = [name for name in table if name != "y_true"]
    if not models:
        raise InputError(f"{Path(path).name} holds no model beside y_true.", expected="one column or row a model")
    y_true = _array(table["y_true"])
    return [str(name) for name in models], np.stack([zero_one_losses(y_true, _array(table[m])) for m in models])


def _array(column: pd.Series) -> NDArray[Any]:
    """The column as a plain array: text as str, missing values kept for the checks of labels."""
    if column.isna().any() or pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return column.to_numpy()
    return column.astype(str).to_numpy(dtype=str)


def _names(labels: NDArray[Any]) -> NDArray[Any]:
    """Labels as text, to be compared with the names of columns: whole numbers without a decimal point."""
    whole = np.issubdtype(labels.dtype, np.floating) and bool(np.all(labels == np.floor(labels)))
    return (labels.astype(np.int64) if whole else labels).astype(str)


def _numbers(table: pd.DataFrame, source: str) -> Floats:
    try:
        return table.to_numpy(dtype=np.float64)
    except ValueError:
        raise InputError(f"{source} holds probabilities that are not numbers.", expected="numbers in [0, 1]") from None


def _listed(table: pd.DataFrame) -> str:
    names = [str(name) for name in table.columns]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
