"""A Problem from a table, one row an example."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gengap.data.arrays import from_arrays
from gengap.data.features import Ordinal, features_of
from gengap.data.frame import read_frame
from gengap.data.problem import Problem
from gengap.errors import InputError, unknown

if TYPE_CHECKING:
    import pandas as pd


def read_table(
    path: Path,
    *,
    label_column: str | None,
    split_column: str | None,
    standardise: bool = False,
    ordinal: Ordinal | None = None,
    held_out: bool = False,
) -> Problem:
    """The Problem in a table: every column but two is a feature, float32 ``[N, D]``.

    Categories and missing values become numbers as ``features_of`` says, which the Problem's ``steps`` record.

    Args:
        path: The file; its suffix gives the format.
        label_column: The column of labels: whole numbers or strings.
        split_column: The column that says ``train`` or ``test``.
        standardise: Whether numbers get mean 0 and variance 1 in the training split.
        ordinal: Column -> its categories in their order, see ``features_of``.
        held_out: Whether all rows are test examples; they stand for both splits then, and no column says which.

    Raises:
        InputError: A column is not named or not there, a split is empty, or what ``features_of`` refuses.
    """
    table = read_frame(path)
    if held_out:
        label = _column(table, label_column, "label")
        y, every = table[label].to_numpy(), np.ones(len(table), dtype=bool)
        x, steps = features_of(path, table.drop(columns=[label]), every, standardise=standardise, ordinal=ordinal)
        made = from_arrays(x, y, x, y, name=path.stem, origin=str(path))
        return replace(made, steps=steps) if steps else made
    label, split = _column(table, label_column, "label"), _column(table, split_column, "split")
    roles = table[split].astype(str).str.strip().str.lower()
    strange = sorted(set(roles) - {"train", "test"})
    if strange:
        raise InputError(f"{path}: column {split!r} holds {strange[0]!r}.", expected="'train' or 'test' in each row")
    y, train = table[label].to_numpy(), (roles == "train").to_numpy()
    for part, rows in (("training", train), ("test", ~train)):
        if not rows.any():
            raise InputError(f"{path.stem}: the {part} split is empty.", expected="at least one example in each split")
    x, steps = features_of(path, table.drop(columns=[label, split]), train, standardise=standardise, ordinal=ordinal)
    made = from_arrays(x[train], y[train], x[~train], y[~train], name=path.stem, origin=str(path))
    return replace(made, steps=steps) if steps else made


def _column(table: "pd.DataFrame", name: str | None, role: str) -> str:
    columns = [str(column) for column in table.columns]
    if name is None:
        raise InputError(
            f"Which column holds the {role} is not said.",
            expected=f"one of {', '.join(columns[:20])}",
            next_step=f"give --{role}-column NAME ({role}_column= in Python)",
        )
    if name not in columns:
        raise unknown(f"{role} column", name, columns)
    return name
