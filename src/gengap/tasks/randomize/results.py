"""Rows of trainings that ran elsewhere, from a table."""

from pathlib import Path
from typing import Any

import pandas as pd

from gengap.data import Problem, read_frame
from gengap.errors import InputError
from gengap.store import STATUSES, Row

_OTHER_NAMES = {
    "train_acc": "train_accuracy",
    "training_accuracy": "train_accuracy",
    "test_acc": "test_accuracy",
    "noise": "level",
}
_NEEDED = ("level", "train_accuracy")
_AMOUNTS = ("epochs", "epochs_to_fit", "train_loss", "test_loss", "parameters", "n_train", "n_classes")
_EXPECTED = "a row for each training, with level (0 for true labels) and train_accuracy, and test_accuracy, seed"


def read_results(results: str | Path | pd.DataFrame, problem: Problem | None = None) -> list[Row]:
    """One row for each training, with the columns that a randomization test's page and summary read.

    Columns may be written as in ``Train accuracy`` or ``train-acc``. Without ``seed`` the trainings of a level are
    numbered, without ``corruption`` labels were redrawn.

    Args:
        results: A file or a DataFrame.
        problem: What they were trained on, for the columns that it knows.

    Raises:
        InputError: No such table, a column that lacks or stands there twice, a missing or unusable value.
    """
    frame = results if isinstance(results, pd.DataFrame) else read_frame(results)
    what = "The frame" if isinstance(results, pd.DataFrame) else str(results)
    frame = frame.rename(columns=_plain)
    for name in frame.columns[frame.columns.duplicated()]:
        raise InputError(f"{what} has two columns {name}.", expected=_EXPECTED)
    absent = [name for name in _NEEDED if name not in frame]
    if absent:
        columns = ", ".join(map(str, frame.columns))
        raise InputError(f"{what} has no column {' and no '.join(absent)}, but {columns}.", expected=_EXPECTED)
    frame = frame.assign(level=_numbers(frame["level"], "level", what))
    done = frame["status"].fillna("done") == "done" if "status" in frame else pd.Series(True, frame.index)
    for name in ("train_accuracy", "test_accuracy"):
        if name in frame:
            frame.loc[done, name] = _numbers(frame.loc[done, name], name, what)
    defaults = _defaults(frame, problem)
    frame = frame.assign(**{name: value for name, value in defaults.items() if name not in frame})
    for name in ("corruption", "status"):  # an empty cell is a column that lacks
        frame[name] = frame[name].astype(object).where(frame[name].notna(), defaults[name])
    for name in _AMOUNTS:
        frame[name] = _amounts(frame[name], name, what)
    _check_statuses(frame, what)
    _check_each_once(frame, what)
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    rows: list[Row] = [{str(name): value for name, value in record.items()} for record in records]
    return [{**row, "history": row["history"] if isinstance(row["history"], list) else []} for row in rows]


def _plain(name: Any) -> str:
    plain = "_".join(str(name).strip().lower().replace("-", " ").replace("_", " ").split())
    return _OTHER_NAMES.get(plain, plain)


def _numbers(column: "pd.Series[Any]", name: str, what: str) -> "pd.Series[float]":
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column[numbers.isna() | ~numbers.between(0, 1)]
    if len(wrong):
        raise InputError(
            f"{what} has a {name} of {wrong.iloc[0]} in row {wrong.index[0]}.",
            expected="a fraction in [0, 1]",
            next_step="divide percentages by 100" if float(numbers.max() or 0) > 1 else "",
        )
    return numbers.astype(float)


def _amounts(column: "pd.Series[Any]", name: str, what: str) -> "pd.Series[Any]":
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column[(numbers.isna() & column.notna()) | (numbers < 0)]
    if len(wrong):
        raise InputError(
            f"{what} has {name} {wrong.iloc[0]!r} in row {wrong.index[0]}.", expected="a number from 0, or nothing"
        )
    return column if numbers.isna().all() else numbers


def _defaults(frame: pd.DataFrame, problem: Problem | None) -> dict[str, Any]:
    known: dict[str, Any] = {
        "corruption": "labels",
        "seed": frame.groupby("level").cumcount(),
        "status": "done",
        "reason": "",
        "model": "a training that ran elsewhere",
        "problem": "its data" if problem is None else problem.name,
        "n_train": None if problem is None else len(problem.train),
        "n_classes": None if problem is None else problem.n_classes,
    }
    empty = ("test_accuracy", "epochs", "epochs_to_fit", "train_loss", "test_loss", "parameters", "history")
    return known | dict.fromkeys(empty)


def _check_each_once(frame: pd.DataFrame, what: str) -> None:
    names = [name for name in ("model", "problem", "corruption", "level", "seed") if name in frame]
    for _, row in frame[frame.duplicated(names)].iterrows():
        raise InputError(
            f"{what} has two rows of {row['corruption']} at level {row['level']:g} with seed {row['seed']}.",
            expected="a row for each training",
            next_step="leave one out, or leave out the column seed where they are different trainings",
        )


def _check_statuses(frame: pd.DataFrame, what: str) -> None:
    unknown = sorted(set(map(str, frame["status"])) - set(STATUSES))
    if unknown:
        raise InputError(f"{what} has a status {unknown[0]!r}.", expected=f"one of {', '.join(STATUSES)}")
