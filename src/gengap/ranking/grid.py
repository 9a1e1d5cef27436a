"""A grid of trained networks: their settings, gaps and measures, and the pairs that may be compared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gengap.arrays import Floats
from gengap.errors import InputError, listed, unknown
from gengap.ranking.pairs import Indices, Layout, Pairs, PairsAlong, layout

if TYPE_CHECKING:
    import pandas as pd

MOST_ALONG = 500_000  # pairs along a hyperparameter: a mean over them has a standard error of at most 0.0014
MOST_COUNTED = 50_000_000  # pairs along a hyperparameter, beyond which sign-errors too take a sample: seconds a measure
MOST_VALUES = 1_000  # of a hyperparameter whose pairs are counted block by block, in a table of all pairs of values
BLOCK = 1_000_000  # pairs at a time
NUMBER_LIKE = r"\s*[-+]?\d[\d.,\s]*(?:[eE][-+]?\d+)?\s*%?\s*"  # "0,12", "1,000.5" and "12.3 %" among them


@dataclass(frozen=True, eq=False)
class Grid:
    """Networks of N rows, trained at K settings.

    Attributes:
        gap: Generalization gap, or what the measures should order, ``[N]``.
        levels: Hyperparameter's name -> the number of its value, ``[N]``, from 0.
        values: Hyperparameter's name -> its values, in the order of their numbers.
        measures: Measure's name -> its value, ``[N]``; NaN where there is none.
        dropped: How many rows were left out, as their gap or a hyperparameter is missing.
        by_default: Whether the measures were not named, so that every other column of numbers is one.
        left_out: Column that was then not taken -> why.
    """

    gap: Floats
    levels: dict[str, Indices]
    values: dict[str, list[Any]]
    measures: dict[str, Floats]
    dropped: int = 0
    by_default: bool = False
    left_out: dict[str, str] = field(default_factory=dict)
    _cache: dict[str, PairsAlong] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.gap)

    @cached_property
    def settings(self) -> Indices:
        """The number of each row's setting, ``[N]``: rows of equal hyperparameters are replicates."""
        table = np.column_stack([*self.levels.values()]) if self.levels else np.arange(len(self))[:, None]
        return np.unique(table, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)

    @property
    def n_settings(self) -> int:
        """Number of different settings K."""
        return int(self.settings.max()) + 1

    def pairs(self, *, most: int, seed: int = 0, replicates: bool = False) -> Pairs:
        """Unordered pairs of rows: all of them, or ``most`` drawn at random with replacement.

        Args:
            most: How many, at most.
            seed: Of the sample.
            replicates: Whether rows of one setting are paired too.
        """
        n = len(self)
        group = np.arange(n) if replicates else self.settings
        sizes = np.bincount(group)
        total = (n * (n - 1) - int((sizes * (sizes - 1)).sum())) // 2
        if total <= most:
            first, second = np.triu_indices(n, 1)
        else:
            rng = np.random.default_rng(seed)
            draws = int(1.1 * most * n * n / max(2 * total, 1)) + 100
            first, second = rng.integers(0, n, draws), rng.integers(0, n, draws)
        apart = group[first] != group[second]
        return Pairs(first[apart][:most], second[apart][:most], total)

    def pairs_along(self, name: str) -> PairsAlong:
        """Unordered pairs that differ in the hyperparameter ``name`` and in no other; a sample beyond 500,000."""
        if name not in self._cache:
            self._cache[name] = self._layout(name).sample(MOST_ALONG)
        return self._cache[name]

    def sampled_along(self, name: str) -> bool:
        """Whether not even ``blocks_along`` has all pairs: beyond 50 million, or 500,000 of more than 1,000 values."""
        pairs = self.pairs_along(name)
        return pairs.sampled and (pairs.total > MOST_COUNTED or len(self.values[name]) > MOST_VALUES)

    def blocks_along(self, name: str) -> Iterator[PairsAlong]:
        """All pairs along ``name``, a million at a time."""
        return self._layout(name).blocks(BLOCK)

    def _layout(self, name: str) -> Layout:
        others = [levels for other, levels in self.levels.items() if other != name]
        table = np.column_stack(others) if others else np.zeros((len(self), 1), np.int64)
        group = np.unique(table, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
        return layout(group, self.levels[name])


def grid_from_frame(
    frame: "pd.DataFrame", gap: str, hyperparameters: Sequence[str], measures: Sequence[str] | None = None
) -> Grid:
    """A Grid from a table with one row for each network.

    Args:
        frame: At least two rows.
        gap: Column of the gap; finite numbers. Rows without it are left out and counted.
        hyperparameters: Columns of the hyperparameters that were varied, of any type; rows without one are left out.
        measures: Columns of the measures; None takes every other column of numbers that is not constant.

    Raises:
        InputError: A column that does not exist or is no number, a constant gap, a hyperparameter of one value, fewer
            than two settings, no measure.
    """
    for name in [gap, *hyperparameters, *(measures or ())]:
        if name not in frame.columns:
            raise unknown("column", str(name), map(str, frame.columns))
    _check_disjoint(gap, hyperparameters, measures or ())
    kept = _finite(frame, gap).notna() & frame[list(hyperparameters)].notna().all(axis=1)
    rows = frame[kept.to_numpy(bool)]
    values = np.asarray(_finite(rows, gap), np.float64)
    if len(rows) < 2:
        raise InputError(
            f"{len(rows)} of {len(frame)} rows have the gap {gap!r} and every hyperparameter.",
            expected="at least two rows whose gaps differ",
        )
    if np.ptp(values) == 0:
        raise InputError(
            f"The gap {gap!r} is constant: {values[0]:g} in all {len(rows)} rows that have one.",
            expected="at least two rows whose gaps differ",
        )
    levels, names = {}, {}
    for name in hyperparameters:
        codes, uniques = rows[name].factorize(sort=_sortable(rows[name]))
        if len(uniques) < 2:
            raise InputError(
                f"The hyperparameter {name!r} has one value, {uniques[0]}.",
                expected="hyperparameters of at least two values",
                next_step="leave it out of --hyperparameters",
            )
        levels[name], names[name] = codes.astype(np.int64), list(uniques)
    left_out: dict[str, str] = {}
    if measures is None:
        left_out = _not_taken(frame, rows, {gap, *hyperparameters})
        chosen = [name for name in _number_columns(rows, {gap, *hyperparameters}) if name not in left_out]
    else:
        chosen = list(measures)
    if not chosen:
        reasons = "".join(f"; {name}: {reason}" for name, reason in left_out.items())
        raise InputError(
            f"There is no measure to rank{reasons}.",
            expected="columns of numbers that differ, besides gap and hyperparameters",
        )
    columns = {name: np.asarray(_finite(rows, name), np.float64) for name in chosen}
    return Grid(values, levels, names, columns, len(frame) - len(rows), measures is None, left_out)


def _check_disjoint(gap: str, hyperparameters: Sequence[str], measures: Sequence[str]) -> None:
    names = [gap, *hyperparameters, *measures]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"Columns named more than once: {listed(twice)}.", expected="each column in one role")


def _finite(frame: "pd.DataFrame", name: str) -> "pd.Series[float]":
    import pandas as pd

    column = frame[name]
    if column.dtype == object or pd.api.types.is_string_dtype(column):
        numbers = pd.to_numeric(column, errors="coerce")
        if (numbers.isna() & column.notna()).any():
            bad = column[numbers.isna() & column.notna()].iloc[0]
            raise InputError(f"Column {name!r} holds {bad!r}.", expected="a column of numbers")
        column = numbers
    if not pd.api.types.is_numeric_dtype(column):
        raise InputError(f"Column {name!r} has type {column.dtype}.", expected="a column of numbers")
    finite = column.astype("float64")
    return finite.where(np.isfinite(finite))


def _sortable(column: "pd.Series[Any]") -> bool:
    kinds = {type(value) for value in column.unique()}
    return len(kinds) == 1 or all(issubclass(kind, int | float | np.number) for kind in kinds)


def _number_columns(frame: "pd.DataFrame", taken: set[str]) -> list[str]:
    import pandas as pd

    numeric = [name for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])]
    return [str(name) for name in numeric if name not in taken and not pd.api.types.is_bool_dtype(frame[name])]


def _not_taken(frame: "pd.DataFrame", rows: "pd.DataFrame", taken: set[str]) -> dict[str, str]:
    """Column -> why it is no measure, of those that are constant, of truth values, or of text that looks like numbers.

    Columns of names, such as an optimizer's, are no measures and have no reason.
    """
    import pandas as pd

    reasons = {}
    for name in _number_columns(rows, taken):
        values = _finite(rows, name).dropna()
        if values.nunique() < 2:
            reasons[name] = "it is constant" if len(values) else "it has no value"
    for name in (str(name) for name in frame.columns if name not in taken):
        column = frame[name].reset_index(drop=True).dropna()
        if pd.api.types.is_bool_dtype(column) and len(column):
            reasons[name] = "it holds truth values, no numbers"
        elif column.dtype == object or pd.api.types.is_string_dtype(column):
            text = column[pd.to_numeric(column, errors="coerce").isna()]
            if len(text) < len(column) or text.astype(str).str.fullmatch(NUMBER_LIKE).any():
                reasons[name] = (
                    f"row {text.index[0] + 1} holds {text.iloc[0]!r}" if len(text) else "its numbers are text"
                )
    return reasons
