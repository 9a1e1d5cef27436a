"""A Problem from a table, one row an example."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gengap.data.arrays import from_arrays
from gengap.data.frame import read_frame
from gengap.data.problem import Problem
from gengap.errors import InputError, unknown

if TYPE_CHECKING:
    import pandas as pd


def read_table(path: Path, *, label_column: str | None, split_column: str | None) -> Problem:
    """The Problem in a table: every column but two is a feature, float32 ``[N, D]``.

    Args:
        path: The file; its suffix tells the format.
        label_column: The column of labels: whole numbers or strings.
        split_column: The column that says ``train`` or ``test``.

    Raises:
        InputError: A column is not named or not there, a feature is no number or is missing, a split is empty.
    """
    table = read_frame(path)
    label, split = _column(table, label_column, "label"), _column(table, split_column, "split")
    roles = table[split].astype(str).str.strip().str.lower()
    strange = sorted(set(roles) - {"train", "test"})
    if strange:
        raise InputError(f"{path}: column {split!r} holds {strange[0]!r}.", expected="'train' or 'test' in each row")
    features = table.drop(columns=[label, split])
    _check_features(path, features)
    x, y = features.to_numpy(np.float32), table[label].to_numpy()
    train, test = (roles == "train").to_numpy(), (roles == "test").to_numpy()
    return from_arrays(x[train], y[train], x[test], y[test], name=path.stem, origin=str(path))


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


def _check_features(path: Path, features: "pd.DataFrame") -> None:
    if features.shape[1] == 0:
        raise InputError(f"{path} has no column but the label and the split.", expected="at least one feature")
    for name, column in features.items():
        if column.dtype.kind not in "biuf":
            raise InputError(
                f"{path}: column {name!r} holds {column.dtype}, not numbers.",
                expected="numbers in every column but the label and the split",
                next_step="encode the column as numbers, or drop it",
            )
        values: Any = column.to_numpy(float, na_value=np.nan)
        if not np.isfinite(values).all():
            row = int((~np.isfinite(values)).argmax())
            raise InputError(
                f"{path}: column {name!r} is empty, NaN or infinite in row {row + 1}.",
                expected="a finite number in every cell",
                next_step="impute or drop such rows first",
            )
