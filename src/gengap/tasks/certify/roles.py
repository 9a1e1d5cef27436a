"""Which columns of a prediction file hold the labels and the predictions, under whatever names."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gengap.errors import InputError, listed, unknown

TRUTH = ("label", "labels", "target", "targets", "truth", "ground_truth", "gold", "actual", "true_label")
PREDICTION = ("prediction", "predictions", "pred", "preds", "predicted", "predicted_label", "pred_label")
_REMARKS = "remarks"  # under this name a table holds what was read into it


def with_roles(
    table: pd.DataFrame, source: str, truth: str | None, prediction: str | None, probability: Sequence[str]
) -> pd.DataFrame:
    """The table with labels in ``y_true`` and predictions, if there are any, in ``y_pred``.

    Columns of these names, or those that are chosen, are taken; else the one column that is called as labels or
    predictions often are, which is then a remark. Of two classes the probability of one is enough: the other's is
    1 less it.

    Args:
        table: As it was read.
        source: Its file, for errors.
        truth: The column of labels, where it is chosen.
        prediction: The column of predictions, likewise.
        probability: What the names of columns of probabilities begin with.

    Raises:
        InputError: There is no such column, or several may be meant.
    """
    remarks: list[str] = []
    has_probabilities = any(str(column).startswith(tuple(probability)) for column in table)
    for role, chosen, names, option in (
        ("y_true", truth, TRUTH, "--truth"),
        ("y_pred", prediction, PREDICTION, "--prediction"),
    ):
        column = chosen
        if chosen is not None and chosen not in table:
            raise unknown(f"column of {source}", chosen, map(str, table.columns))
        if chosen is None and role not in table and not (role == "y_pred" and has_probabilities):
            column = _only(table, source, names, option)
            if column is not None:
                remarks.append(f"Read as {role}: the column {column} of {source}.")
        if column is not None and column != role:
            rest = table.drop(columns=role) if role in table else table
            table = rest.rename(columns={column: role})
    if "y_true" in table and "y_pred" not in table:
        table, completed = _with_both_classes(table, tuple(probability))
        remarks += completed
    table.attrs[_REMARKS] = remarks
    return table


def remarks_of(table: pd.DataFrame) -> list[str]:
    """What ``with_roles`` read into a table, one sentence each."""
    return list(table.attrs.get(_REMARKS, []))


def _only(table: pd.DataFrame, source: str, names: Sequence[str], option: str) -> str | None:
    """The one column with one of the names, in whatever case; None where there is none."""
    found = [str(column) for column in table if str(column).strip().lower() in names]
    if len(found) > 1:
        raise InputError(
            f"{source} has several columns that may be meant: {listed(found)}.",
            expected="one of them",
            next_step=f"choose it: {option} {found[0]}",
        )
    return found[0] if found else None


def _with_both_classes(table: pd.DataFrame, probability: tuple[str, ...]) -> tuple[pd.DataFrame, list[str]]:
    """With one column of probabilities and at most two classes, the other class's beside it."""
    columns = [str(column) for column in table if str(column).startswith(probability)]
    if len(columns) != 1:
        return table, []
    prefix = next(prefix for prefix in probability if columns[0].startswith(prefix))
    name = columns[0].removeprefix(prefix)
    labels = pd.unique(table["y_true"].dropna())
    classes = {_text(label) for label in labels} | ({"0", "1"} if name in ("0", "1") else set())
    others = classes - {name}
    values = pd.to_numeric(table[columns[0]], errors="coerce")
    if len(others) != 1 or (name not in classes and len(classes) > 1) or not values.between(0, 1).all():
        return table, []
    (other,) = others
    place = table.columns.get_loc(columns[0])  # in the classes' order, since the first of equals is predicted
    completed = table.copy()
    completed.insert(int(place) + (other > name), f"{prefix}{other}", 1 - values)  # type: ignore[arg-type]
    return completed, [f"The probability of class {other} is 1 less that of {name}, the only one in the file."]


def _text(label: object) -> str:
    """A label as the name of a column: whole numbers without a decimal point."""
    whole = isinstance(label, float | np.floating) and float(label).is_integer()
    return str(int(label) if whole else label)  # type: ignore[call-overload]
