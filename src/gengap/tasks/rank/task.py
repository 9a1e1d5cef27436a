"""Ranks the measures of a grid of networks: from a table or a store to statistics and a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gengap.data import read_frame
from gengap.errors import InputError
from gengap.json_text import json_ready
from gengap.ranking import PAIRS, Grid, grid_from_frame, rank_measures
from gengap.report import Page, check_folder, fragment, write_page
from gengap.store import Store
from gengap.tasks.rank.page import ranking_page
from gengap.tasks.rank.words import cautions, sentence

STORE = "gengap.db"  # in a folder that is GENGAP_HOME


@dataclass(frozen=True, eq=False)
class Ranking:
    """How the measures of a grid order its networks.

    Attributes:
        table: One row for each measure, the best first; see ``gengap.ranking.rank_measures``.
        grid: The networks.
        gap: The gap's column.
        n_test: Test examples behind each gap, where they were given.
    """

    table: pd.DataFrame
    grid: Grid
    gap: str
    n_test: int | None

    @property
    def sentence(self) -> str:
        """What the table says, in a sentence or two."""
        return sentence(self.table, self.grid)

    @property
    def cautions(self) -> list[str]:
        """What limits the conclusions."""
        return cautions(self.table, self.grid, self.n_test)

    @cached_property
    def page(self) -> Page:
        """The report."""
        return ranking_page(self.table, self.grid, self.gap, self.sentence, self.cautions)

    def _repr_html_(self) -> str:
        """What a notebook shows: the page's text, tables and charts."""
        return fragment(self.page.title, self.page.lead, self.page.sections)

    def to_json(self) -> dict[str, Any]:
        """What ``gengap rank --json`` prints."""
        document: dict[str, Any] = json_ready(
            {
                "measures": self.table.to_dict("records"),
                "gap": self.gap,
                "hyperparameters": self.grid.values,
                "networks": len(self.grid),
                "settings": self.grid.n_settings,
                "rows_left_out": self.grid.dropped,
                "n_test": self.n_test,
                "summary": self.sentence,
                "cautions": self.cautions,
            }
        )
        return document


def rank(
    source: str | Path | pd.DataFrame,
    *,
    gap: str = "gap",
    hyperparameters: Sequence[str],
    measures: Sequence[str] | None = None,
    n_test: int | None = None,
    study: str | None = None,
    pairs: int = PAIRS,
    seed: int = 0,
    out: str | Path | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> Ranking:
    """Kendall's tau, granulated tau, conditional information and sign-errors of every measure of a grid.

    Args:
        source: A DataFrame, a table (CSV, TSV, JSON, Parquet) or a gengap store (``.db``, or its folder), one row a
            network. Measures are taken to rise with the gap.
        gap: Column of the generalization gap.
        hyperparameters: Columns of what was varied.
        measures: Columns of the measures; None takes every other column of numbers that is not constant.
        n_test: Test examples behind each gap, which is then a fraction: pairs whose gaps differ by less than these
            can resolve weigh less in sign-errors. None weighs all pairs alike.
        study: Of a store: the study whose rows are ranked.
        pairs: Most pairs on which conditional information is counted.
        seed: Of what is sampled.
        out: Folder for the report; None writes none.
        progress: Called with (done, total, name) after each measure.

    Raises:
        InputError: A file that is no such table, columns that do not exist, a constant gap, a hyperparameter of one
            value, fewer than two settings, numbers out of range, a study that the store does not have.
    """
    if not hyperparameters:
        raise InputError(
            "No hyperparameter is named.",
            expected="the columns that were varied, such as --hyperparameters depth,width",
        )
    if n_test is not None and n_test < 1:
        raise InputError(f"n_test = {n_test}.", expected="at least one test example")
    if out is not None:
        check_folder(out)
    grid = grid_from_frame(_frame(source, study), gap, hyperparameters, measures)
    largest = float(np.abs(grid.gap).max())
    if n_test is not None and largest > 1:
        raise InputError(
            f"The gap {gap!r} goes to {largest:.4g}, and the number of test examples is given.",
            expected="fractions between -1 and 1, whose standard errors can be told",
            next_step="divide percentages by 100",
        )
    table = rank_measures(grid, n_test=n_test, pairs=pairs, seed=seed, progress=progress)
    ranking = Ranking(table, grid, gap, n_test)
    if out is not None:
        write_page(ranking.page, out, _flat(table), ranking.to_json())
    return ranking


def _frame(source: str | Path | pd.DataFrame, study: str | None) -> pd.DataFrame:
    if isinstance(source, pd.DataFrame):
        return source
    path = Path(source)
    if (path / STORE).is_file():
        path /= STORE
    if not _is_sqlite(path):
        if study is not None:
            raise InputError(f"{path} is no gengap store.", expected="a store, to choose a study from")
        return read_frame(path)
    with Store(path) as store:
        rows = store.rows(history=False, status="done", **({"study": study} if study else {}))
        if rows.empty:
            names = {str(row.get("study") or row.get("kind")) for row in store.records(history=False)}
            known = sorted(name for name in names if "/" in name)  # as in paper/artifact
            raise InputError(
                f"{path} has no finished row{f' of {study}' if study else ''}.",
                expected=_expected(study, known),
                next_step=f"gengap runs list --store {path} shows what it holds",
            )
    return rows


def _expected(study: str | None, known: list[str]) -> str:
    if study is None:
        return "rows of trained networks"
    return f"one of its studies: {', '.join(known)}" if known else "no --study: its rows name none"


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    """The table without its nested columns, for CSV."""
    return table.drop(columns=["psi", "sign_errors"]).assign(cmi_given=table["cmi_given"].map("+".join))
