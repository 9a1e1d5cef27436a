"""What is under docs/results can be drawn again from its rows."""

import csv
from pathlib import Path

import pytest
from lost_rows import check_each

from gengap.report import Figure
from gengap.studies.evidence import recorded_results

RESULTS = Path(__file__).parents[2] / "docs" / "results"
FEW_ROWS = 40
ALL = recorded_results(RESULTS)
RECORDED = {name: recorded for name, recorded in ALL.items() if len(recorded.outcome.rows) <= FEW_ROWS}


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_the_figures_are_those_that_the_rows_give(name: str) -> None:
    recorded = RECORDED[name]
    folder = RESULTS / recorded.folder
    figures = {view.name for view in recorded.outcome.artifact().views if isinstance(view, Figure)}
    assert figures == {path.stem for path in folder.glob("*.svg")}


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_rows_and_report_are_of_one_run(name: str) -> None:
    recorded = RECORDED[name]
    with (RESULTS / recorded.folder / "rows.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["study"] == name]
    assert [row["status"] for row in rows] == [row["status"] for row in recorded.outcome.rows]


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_claim_is_judged_or_left_open_whatever_rows_are_lost(name: str) -> None:
    check_each(ALL[name].outcome)
