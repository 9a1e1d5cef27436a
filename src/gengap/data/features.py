"""Columns of a table as numbers: categories, missing values and standardisation, by the training split alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gengap.errors import InputError, listed

if TYPE_CHECKING:
    import pandas as pd

MOST_CATEGORIES = 100  # of one column; more different texts are names or sentences rather than categories
Steps = tuple[dict[str, Any], ...]


def features_of(
    path: Path, table: "pd.DataFrame", train: NDArray[np.bool_], *, standardise: bool
) -> tuple[NDArray[np.float32], Steps]:
    """The features of a table, float32 ``[N, D]``, and what was done to get them.

    A column of text becomes one column of 0 and 1 for each category of the training split (one-hot); a category that
    is in the test split alone has 0 in all of them. An empty number becomes the mean of its column in the training
    split, beside a further column that is 1 where it was empty. Standardised numbers have mean 0 and variance 1 in
    the training split; columns of 0 and 1 made here stay as they are.

    Args:
        path: The file, for errors.
        table: The features' columns.
        train: Which rows are the training split, ``[N]``.
        standardise: Whether numbers are standardised.

    Raises:
        InputError: There is no feature, a number is infinite, a column is empty in the training split, or a column
            of text has more than 100 categories.
    """
    if table.shape[1] == 0:
        raise InputError(f"{path} has no column but the label and the split.", expected="at least one feature")
    blocks: list[NDArray[np.float64]] = []
    encoded: dict[str, Any] = {}
    unknown: dict[str, int] = {}
    imputed: list[str] = []
    scaled: list[str] = []
    for name, column in ((str(name), table[name]) for name in table):
        if column.dtype.kind in "biuf":
            values, absent = _numbers(path, name, column, train)
            if absent.any():
                imputed.append(name)
            if standardise:
                values = _standardised(values, train)
                scaled.append(name)
            blocks += [values[:, None], *([absent[:, None].astype(np.float64)] if absent.any() else [])]
        else:
            block, categories, strange = _one_hot(path, name, column, train)
            encoded[name] = categories
            if strange:
                unknown[name] = strange
            blocks.append(block)
    steps: list[dict[str, Any]] = []
    if encoded:
        steps.append({"step": "one-hot", "categories": encoded, "unknown_in_test": unknown})
    if imputed:
        steps.append({"step": "impute", "by": "mean of the training split", "columns": imputed, "indicators": True})
    if scaled:
        steps.append({"step": "standardise", "by": "training split", "columns": scaled})
    return np.concatenate(blocks, axis=1).astype(np.float32), tuple(steps)


def _numbers(
    path: Path, name: str, column: "pd.Series[Any]", train: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The numbers of a column, empty ones by the mean of the training split, and which these are."""
    values: NDArray[np.float64] = column.to_numpy(np.float64, na_value=np.nan).copy()
    if np.isinf(values).any():
        row = int(np.isinf(values).argmax())
        raise InputError(f"{path}: column {name!r} is infinite in row {row + 1}.", expected="finite numbers")
    absent = np.isnan(values)
    if absent.any():
        known = values[train & ~absent]
        if known.size == 0:
            raise InputError(
                f"{path}: column {name!r} is empty in every training example.", next_step="leave the column out"
            )
        values[absent] = known.mean()
    return values, absent


def _standardised(values: NDArray[np.float64], train: NDArray[np.bool_]) -> NDArray[np.float64]:
    mean, deviation = values[train].mean(), values[train].std()
    result: NDArray[np.float64] = (values - mean) / (deviation if deviation > 0 else 1.0)
    return result


def _one_hot(
    path: Path, name: str, column: "pd.Series[Any]", train: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], list[str], int]:
    """Columns of 0 and 1, their categories, and how many examples have a category that no training example has."""
    texts = column.astype(object).where(column.notna(), "(missing)").astype(str).to_numpy()
    categories = sorted(set(texts[train].tolist()))
    if len(categories) > MOST_CATEGORIES:
        raise InputError(
            f"{path}: column {name!r} holds {len(categories):,} different texts: {listed(categories[:3])}.",
            expected=f"numbers, or at most {MOST_CATEGORIES} categories",
            next_step="leave the column out, or encode it as numbers",
        )
    hits = texts[:, None] == np.array(categories, dtype=object)[None, :]
    return hits.astype(np.float64), categories, int((~hits.any(axis=1)).sum())
