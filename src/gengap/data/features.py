"""Columns of a table as numbers: categories, missing values and standardisation, by the training split alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gengap.arguments import shown
from gengap.errors import InputError, listed, unknown

if TYPE_CHECKING:
    import pandas as pd

MOST_CATEGORIES = 100  # of one column; more different texts are names or sentences rather than categories
Steps = tuple[dict[str, Any], ...]
Ordinal = Mapping[str, Sequence[str]]
"""Column -> its categories in their order; none for the order of the alphabet."""


def features_of(
    path: Path, table: "pd.DataFrame", train: NDArray[np.bool_], *, standardise: bool, ordinal: Ordinal | None = None
) -> tuple[NDArray[np.float32], Steps]:
    """The features of a table, float32 ``[N, D]``, and what was done to get them.

    A column of text becomes one column of 0 and 1 for each category of the training split (one-hot); a category that
    is in the test split alone has 0 in all of them. An ordinal column becomes numbers 0, 1, 2 … in the order of its
    categories; a category of no place in that order counts as empty. An empty number becomes the mean of its column
    in the training split, beside a further column that is 1 where it was empty. Standardised numbers have mean 0 and
    variance 1 in the training split, constant ones 0; columns of 0 and 1 made here stay as they are. Each step is a
    transformer of scikit-learn, fitted to the training split.

    Args:
        path: The file, for errors.
        table: The features' columns.
        train: Which rows are the training split, ``[N]``.
        standardise: Whether numbers are standardised.
        ordinal: Columns whose categories have an order. Without one given, it is the alphabet's, over the training
            split.

    Raises:
        InputError: There is no feature, a number is infinite, a column is empty in the training split, a column of
            text has more than 100 categories or holds numbers for the most part, or an ordinal column is not there or
            holds, in the training split, a category that the given order lacks.
    """
    ordinal = ordinal or {}
    if not isinstance(ordinal, Mapping) or any(isinstance(order, str) for order in ordinal.values()):
        raise InputError(
            f"The ordinal columns are {shown(ordinal)}.", expected='e.g. {"size": ["small", "medium", "large"]}'
        )
    if table.shape[1] == 0:
        raise InputError(f"{path} has no column but the label and the split.", expected="at least one feature")
    for name in ordinal:
        if name not in map(str, table.columns):
            raise unknown("ordinal column", name, map(str, table.columns))
    blocks: list[NDArray[np.float64]] = []
    encoded: dict[str, Any] = {}
    ranked: dict[str, Any] = {}
    unseen: dict[str, int] = {}  # column -> test examples with a category that training lacks
    unranked: dict[str, int] = {}  # column -> test examples with a category of no place in its order
    imputed: list[str] = []
    scaled: list[str] = []
    for name, column in ((str(name), table[name]) for name in table):
        if name in ordinal:
            column, ranked[name], count = _ranks(path, name, column, train, ordinal[name])
            if count:
                unranked[name] = count
        if column.dtype.kind in "biuf":
            values, absent = _numbers(path, name, column, train)
            if absent.any():
                imputed.append(name)
            if standardise:
                values = _standardised(values, train)
                scaled.append(name)
            blocks += [values, *([absent.astype(np.float64)] if absent.any() else [])]
        else:
            block, categories, count = _one_hot(path, name, column, train)
            encoded[name] = categories
            if count:
                unseen[name] = count
            blocks.append(block)
    steps: list[dict[str, Any]] = []
    if encoded:
        steps.append({"step": "one-hot", "categories": encoded, "unknown_in_test": unseen})
    if ranked:
        steps.append({"step": "ordinal", "order": _order(ordinal), "categories": ranked, "unknown_in_test": unranked})
    if imputed:
        steps.append({"step": "impute", "by": "mean of the training split", "columns": imputed, "indicators": True})
    if scaled:
        steps.append({"step": "standardise", "by": "training split", "columns": scaled})
    return np.concatenate(blocks, axis=1).astype(np.float32), tuple(steps)


def _numbers(
    path: Path, name: str, column: "pd.Series[Any]", train: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The numbers of a column, ``[N, 1]``, empty ones by the mean of the training split, and which these are."""
    values: NDArray[np.float64] = column.to_numpy(np.float64, na_value=np.nan)[:, None]
    if np.isinf(values).any():
        row = int(np.isinf(values).argmax())
        raise InputError(f"{path}: column {name!r} is infinite in row {row + 1}.", expected="finite numbers")
    absent = np.isnan(values)
    if not absent.any():
        return values, absent
    if absent[train].all():
        raise InputError(
            f"{path}: column {name!r} is empty in every training example.", next_step="leave the column out"
        )
    from sklearn.impute import SimpleImputer

    return SimpleImputer(strategy="mean").fit(values[train]).transform(values), absent


def _standardised(values: NDArray[np.float64], train: NDArray[np.bool_]) -> NDArray[np.float64]:
    from sklearn.preprocessing import StandardScaler

    with np.errstate(over="ignore", invalid="ignore"):  # numbers too large to be squared become NaN, which is refused
        result: NDArray[np.float64] = StandardScaler().fit(values[train]).transform(values)
    return result


def _order(ordinal: Ordinal) -> str:
    """Whose order it is, in words: a guess is to be seen."""
    guessed = [name for name, order in ordinal.items() if not order]
    if not guessed:
        return "the order given"
    return f"{'' if len(guessed) == len(ordinal) else 'the order given, '}the alphabet's order of {listed(guessed)}"


def _ranks(
    path: Path, name: str, column: "pd.Series[Any]", train: NDArray[np.bool_], order: Sequence[str]
) -> tuple["pd.Series[Any]", list[str], int]:
    """The places of a column's categories in their order, empty where there is none; the order; how many have none."""
    import pandas as pd
    from sklearn.preprocessing import OrdinalEncoder

    if column.dtype.kind in "biuf":
        raise InputError(
            f"{path}: column {name!r} holds numbers, which are fed as they are.", expected="a column of text as ordinal"
        )
    texts = column.astype(object).where(column.notna(), "").astype(str).to_numpy(object)
    there = column.notna().to_numpy()
    categories = list(order) or sorted(set(texts[train & there].tolist()))
    if len(set(categories)) < len(categories):
        raise InputError(f"The order of column {name!r} names a category twice.", expected="each once, from the least")
    encoder = OrdinalEncoder(categories=[categories], handle_unknown="use_encoded_value", unknown_value=np.nan)
    places = encoder.fit(texts[:, None]).transform(texts[:, None])[:, 0]
    strange = there & np.isnan(places)
    if strange[train].any():
        lacking = sorted(set(texts[train & strange].tolist()))
        raise InputError(
            f"{path}: column {name!r} holds {listed(lacking[:3])}, which its order lacks.",
            expected=f"categories among {listed(categories[:20])}",
            next_step="name every category of the training split, from the least to the greatest",
        )
    return pd.Series(np.where(there, places, np.nan)), categories, int(strange.sum())


def _one_hot(
    path: Path, name: str, column: "pd.Series[Any]", train: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], list[str], int]:
    """Columns of 0 and 1, their categories, and how many examples have a category that no training example has."""
    from sklearn.preprocessing import OneHotEncoder

    texts = column.astype(object).where(column.notna(), "(missing)").astype(str).to_numpy(object)[:, None]
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(texts[train])
    categories: list[str] = encoder.categories_[0].tolist()
    _check_no_numbers(path, name, [text for text in categories if text != "(missing)"])
    if len(categories) > MOST_CATEGORIES:
        raise InputError(
            f"{path}: column {name!r} holds {len(categories):,} different texts: {listed(categories[:3])}.",
            expected=f"numbers, or at most {MOST_CATEGORIES} categories",
            next_step="leave the column out, or encode it as numbers",
        )
    block: NDArray[np.float64] = encoder.transform(texts)
    return block, categories, int((~block.any(axis=1)).sum())


def _check_no_numbers(path: Path, name: str, texts: Sequence[str]) -> None:
    """Refuses texts that are numbers for the most part: a sign for missing ones, or a comma, made them text."""
    plain = {text for text in texts if _is_number(text)}
    readable = [text for text in texts if _is_number(text.strip(" %").replace(",", "."))]
    if plain == set(texts) or 2 * len(readable) < len(texts):
        return
    strange = [text for text in texts if text not in plain]
    raise InputError(
        f"{path}: column {name!r} is text, but most of it are numbers; not {listed([repr(t) for t in strange[:3]])}.",
        expected="numbers with a point for decimals and empty cells for missing ones, or categories in words",
        next_step="mend the column, or write categories that are numbers with a letter before them",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
