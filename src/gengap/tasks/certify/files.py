"""Prediction files: CSV, TSV or Parquet tables, one row an example."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gengap.arrays import Floats
from gengap.bounds import (
    brier_losses,
    check_classes,
    check_comparable,
    label_array,
    label_remarks,
    one_for_each,
    predicted_labels,
    zero_one_losses,
)
from gengap.data import read_frame
from gengap.data.content import STANDARD_INPUT
from gengap.errors import InputError, listed, unknown
from gengap.tasks.certify.columns import COLUMNS, PROBABILITY, class_names, class_probabilities
from gengap.tasks.certify.evaluation import Evaluation
from gengap.tasks.certify.prediction_losses import losses_of
from gengap.tasks.certify.roles import remarks_of, with_roles

_WEIGHTS = ("sample_weight", "sample_weights", "instance_weight", "example_weight")  # of examples, by their names
_PERHAPS_WEIGHTS = ("weight", "weights", *_WEIGHTS)
# Columns that name examples; Unnamed: 0 is the index that pandas and R write in front.
_ROW_NUMBERS = ("name", "index", "unnamed: 0")  # which may occur twice where tables were joined
_ID_COLUMNS = ("id", "example_id", "path", "file", "filename", "name", "index", "unnamed: 0")


@dataclass(frozen=True)
class Predictions:
    """One model's labels and predicted labels in the file's order, and the whole table."""

    source: str
    y_true: NDArray[Any]
    y_pred: NDArray[Any]
    table: pd.DataFrame

    def remarks(self, *, of_classes: bool = True) -> list[str]:
        """What was seen in the file that the reader should know; of its labels, if they are classes."""
        weights = [str(column) for column in self.table if str(column).lower() in _PERHAPS_WEIGHTS]
        unused = [f"Column {name} was not used: every example counts the same." for name in weights]
        return [*remarks_of(self.table), *(label_remarks(self.y_true, self.y_pred) if of_classes else []), *unused]

    def zero_one(self) -> Floats:
        """0-1 losses, shape (N,)."""
        return zero_one_losses(self.y_true, self.y_pred)

    def brier(self) -> Floats:
        """Brier losses in [0, 1], shape (N,).

        Raises:
            InputError: The file has no class probabilities.
        """
        classes, probabilities = class_probabilities(self.table, self.source)
        return brier_losses(class_names(self.y_true), probabilities, classes)

    def as_text(self) -> "Predictions":
        """The same with all labels as text, as they are where predictions were read off the columns' names."""
        check_comparable(self.y_true, self.y_pred)  # before the types that distinguish them are lost
        return replace(self, y_true=class_names(self.y_true), y_pred=class_names(self.y_pred))

    def groups(self, column: str) -> NDArray[Any]:
        """The column of groups, shape (N,).

        Raises:
            InputError: There is no such column.
        """
        if column not in self.table:
            raise unknown(f"column of {self.source}", column, map(str, self.table.columns))
        return self.table[column].to_numpy()

    def evaluation(
        self, loss: str = "zero-one", *, loss_bound: float | None = None, role: str | None = None
    ) -> Evaluation:
        """The losses, one for each example; repeated ids are averaged.

        Args:
            loss: ``"zero-one"``, ``"brier"``, ``"absolute"`` or ``"squared"`` (of numbers), or ``"top-K"`` as
                ``"top-5"``: wrong where the label is not among the K predicted first.
            loss_bound: The largest possible absolute or squared error, known beforehand.
            role: The column, in lower case, that names the examples and must do so; if not given, a column that
                names examples is used where it has no gaps.

        Raises:
            InputError: There are no losses of this kind, or an id is repeated where it can only be a row's number, or
                with different labels.
        """
        losses, metric, share = losses_of(self.source, self.y_true, self.y_pred, self.table, loss, loss_bound)
        made = Evaluation(
            source=self.source,
            model=Path(self.source).stem,
            metric=metric,
            losses=losses,
            zero_one=share,
            share=share,
            loss_bound=1.0 if loss_bound is None else loss_bound,
            items=self._items(role),
            labels=class_names(self.y_true),
            columns={str(name): self.table[name].to_numpy() for name in self.table},
            remarks=tuple(self.remarks(of_classes=loss == "zero-one")),
        )
        once = made.once_each()
        if once is not made and once.labels is not None and made.labels is not None and made.items is not None:
            index = np.searchsorted(np.unique(made.items), made.items)  # once_each sorts the items
            wrong = np.flatnonzero(once.labels[index] != made.labels)
            if wrong.size:
                raise InputError(
                    f"{self.source}: {made.items[wrong[0]]!s:.40} has different labels in its repetitions.",
                    expected="one label for each example",
                    next_step="leave the column out if it does not name examples",
                )
        return once

    @staticmethod
    def common_role(read: "Sequence[Predictions]") -> str | None:
        """The first column naming examples that all files have, in lower case."""
        roles = [_id_columns(one.table) for one in read]
        return next((role for role in _ID_COLUMNS if all(role in names for names in roles)), None)

    def _items(self, role: str | None) -> NDArray[Any] | None:
        columns = _id_columns(self.table)
        if role is not None:
            values = one_for_each(f"{self.source}: {columns[role]}", self.table[columns[role]].to_numpy())
        else:
            role = next(
                (role for role in _ID_COLUMNS if role in columns and self.table[columns[role]].notna().all()), None
            )
            if role is None or self.table[columns[role]].is_unique:
                return None
            values = self.table[columns[role]].to_numpy()
        ids = class_names(values)
        twice = pd.Index(ids)
        if role in _ROW_NUMBERS and twice.has_duplicates:
            raise InputError(
                f"{self.source}: {columns[role]} holds {twice[twice.duplicated()][0]!s:.40} twice.",
                expected="each example once",
                next_step="name repetitions of an example by a column id; leave the column out if it names no examples",
            )
        return ids


def read_predictions(path: str | Path, *, truth: str | None = None, prediction: str | None = None) -> Predictions:
    """One model's predictions from a table with ``y_true`` and ``y_pred``, or class probabilities ``p_CLASS``.

    Args:
        path: The table; ``-`` is standard input.
        truth: The column of labels, if it is not ``y_true`` and not the only one with a usual name.
        prediction: The column of predicted labels, likewise.

    Raises:
        InputError: The file is no table, has no labels, or neither predictions nor probabilities.
    """
    table = read_frame(path)
    if not isinstance(table.index, pd.RangeIndex):  # Parquet keeps an index beside the columns
        table = table.reset_index(drop=bool({*table.index.names, "index"} & {*table.columns}))
    source = "standard input" if str(path) == STANDARD_INPUT else Path(path).name
    table = with_roles(table, source, truth, prediction, PROBABILITY)
    if "y_true" not in table:
        raise InputError(
            f"{source} has no column y_true; it has {listed(list(table.columns))}.",
            expected=COLUMNS,
            next_step="add the labels, or name their column with --truth",
        )
    _check_weights(table, source)
    y_true = label_array(f"{source}: y_true", table["y_true"].to_numpy())
    if "y_pred" in table:  # columns that look like probabilities may then be anything
        given = table["y_pred"]
        lists = given.dtype == object and isinstance(given.iloc[0], list | np.ndarray)
        if lists and all(
            isinstance(value, list | np.ndarray) for value in given
        ):  # predictions in their order, best first
            given = given.map(lambda value: value[0] if len(value) else "")
        return Predictions(source, y_true, label_array(f"{source}: y_pred", given.to_numpy()), table)
    if not any(str(column).startswith(PROBABILITY) for column in table):
        raise InputError(
            f"{source} has labels but no predictions; it has {listed(list(table.columns))}.", expected=COLUMNS
        )
    classes, probabilities = class_probabilities(table, source)
    y_pred = predicted_labels(probabilities, classes)
    check_classes(class_names(y_true), classes)
    return Predictions(source, class_names(y_true), y_pred, table)


def read_all_predictions(path: str | Path) -> tuple[list[str], Floats]:
    """The names of M models and their 0-1 losses, shape (M, N), from one table.

    Either the rows are models: the first column holds their names, one row is named ``y_true``, every other column
    is an example. Or the rows are examples: a column ``y_true``, every other column is a model's predictions.

    Raises:
        InputError: The file is no table, or has no labels or no model.
    """
    table = read_frame(path)
    source = "standard input" if str(path) == STANDARD_INPUT else Path(path).name
    if "y_true" in table:
        _check_models(table, source)
    else:
        rows = table.set_index(table.columns[0])
        if "y_true" not in rows.index:
            raise InputError(
                f"{source} has neither a row nor a column y_true.",
                expected="a row a model, named in the first column, with one row y_true; or a column y_true and a "
                "column for each model",
            )
        if not rows.index.is_unique:
            twice = rows.index[rows.index.duplicated()][0]
            raise InputError(f"{source} names {twice!s} twice.", expected="a name of its own for each model")
        if not all(map(pd.api.types.is_numeric_dtype, rows.dtypes)):
            rows = rows.map(str, na_action="ignore")  # an example's values are text as soon as one of them is
        table = rows.T.infer_objects()
    models = [name for name in table if name != "y_true"]
    if not models:
        raise InputError(f"{source} holds no model beside y_true.", expected="one column or row a model")
    y_true = label_array(f"{source}: y_true", table["y_true"].to_numpy())
    predicted = [label_array(f"{source}: {name}", table[name].to_numpy()) for name in models]
    return [str(name) for name in models], np.stack([zero_one_losses(y_true, y_pred) for y_pred in predicted])


def _check_weights(table: pd.DataFrame, source: str) -> None:
    """Refuses weights of examples that differ: no bound here is one for a weighted risk."""
    for column in table:
        if str(column).lower() in _WEIGHTS and table[column].nunique(dropna=False) > 1:
            raise InputError(
                f"{source} gives its examples different weights, in the column {column}.",
                expected="examples that count the same: what is certified is the error rate of one drawn at random",
                next_step="leave the column out if that is what you want",
            )


def _check_models(table: pd.DataFrame, source: str) -> None:
    """Refuses a column that names or weights examples, which would count as a model."""
    ids = [*_id_columns(table).values(), *(column for column in table if str(column).lower() in _PERHAPS_WEIGHTS)]
    if ids:
        raise InputError(
            f"{source}: column {ids[0]} would count as a model.",
            expected="y_true, and beside it the predictions of one model in each column",
            next_step="leave the column out, or rename it if it is a model",
        )


def _id_columns(table: pd.DataFrame) -> dict[str, str]:
    """The columns that name examples, by their names in lower case."""
    return {str(column).lower(): column for column in table.columns if str(column).lower() in _ID_COLUMNS}
