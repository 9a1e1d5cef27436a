"""The page of a study: every number with its verdict, every difference once."""

from dataclasses import replace

import pandas as pd
import pytest

from gengap.report import Table, write_page
from gengap.studies.page import Artifact, study_page
from gengap.verdicts import ClaimPart, Comparison

THREE = Comparison("accuracy", "Table 1", "printed", 50.0, 1.0, "%", values=(49.0, 50.0, 52.0))


def _artifact(**changes: object) -> Artifact:
    parts = [ClaimPart("it falls", "holds", "3 to 2"), ClaimPart("to zero", "does not hold", "2")]
    whole = Artifact("p/table1", "Table 1", "A claim.", "The paper.", [], parts, [THREE], pd.DataFrame(), ["A", "B"])
    return replace(whole, **changes)


def test_page_tells_each_difference_once_and_whom_it_concerns() -> None:
    page = study_page("p", "paper", [_artifact(), _artifact(title="Figure 2", differences=["A", "C"])])
    told = next(section for section in page.sections if section.title == "Differences from the paper")
    assert list(told.parts[0].paragraphs) == ["1. A", "2. B (Table 1)", "3. C (Figure 2)"]
    assert "agrees: 2" in page.lead


def test_page_shows_what_is_missing_last_and_why(tmp_path) -> None:
    failed = pd.DataFrame([{"model": "m", "status": "failed", "reason": "<b>no memory</b>"}])
    lost = replace(THREE, what="lost", values=(), missing=("failed: <b>no memory</b>",))
    page = study_page(
        "p", "desk", [_artifact(comparisons=[lost, replace(THREE, indicative="less")], unfinished=failed)]
    )
    numbers = page.sections[0].parts[2]
    assert isinstance(numbers, Table)
    assert list(numbers.frame["quantity"]) == ["accuracy (%)", "lost (%)"]
    assert list(numbers.frame["verdict"]) == ["indicative", "not comparable"]
    assert numbers.notes[1] == "Table 1, printed; no value: failed: <b>no memory</b>"
    text = write_page(page, tmp_path).read_text()
    assert "&lt;b&gt;no memory" in text
    assert "<b>no memory" not in text
    assert "nothing is judged" in text


def test_a_number_has_five_columns_and_its_details_below_it() -> None:
    one_seed = replace(THREE, values=(50.5,), missing=("diverged: nan",), diverged=1)
    table = study_page("p", "paper", [_artifact(comparisons=[THREE, one_seed])]).sections[0].parts[-1]
    assert isinstance(table, Table)
    assert list(table.frame) == ["quantity", "paper", "ours", "difference", "verdict"]
    assert table.frame.loc[0, "ours"] == pytest.approx(151 / 3)
    # mean 151/3, standard deviation 1.5275, t quantile 4.3027 with two degrees of freedom: 50.33 +- 3.795
    assert table.notes[0] == "Table 1, printed; ours from 3 seeds, 95 % interval 46.54 to 54.13; tolerance 1"
    assert table.notes[1] == "Table 1, printed; ours from one seed; tolerance 1; some runs lack one: diverged: nan"
    assert "indicative" not in table.caption


def test_page_sets_the_claim_against_its_rows() -> None:
    page = study_page("p", "desk", [_artifact()])
    table = page.sections[0].parts[1]
    assert isinstance(table, Table)
    assert table.caption == "The claim against the rows of this run: does not hold"
    assert table.frame["in these rows"].tolist() == ["holds", "does not hold"]
    assert "does not hold: 1" in page.lead


def test_smoke_scale_says_first_that_it_shows_nothing_and_lists_no_number_without_one_of_ours() -> None:
    lost = replace(THREE, what="lost", values=(), missing=("left out",))
    page = study_page("p", "smoke", [_artifact(comparisons=[lost])])
    assert page.lead.startswith("Smoke scale only shows that this study runs")
    assert "hold" not in page.lead
    (claim,) = [part for part in page.sections[0].parts if isinstance(part, Table)]
    assert "smoke scale only shows" in claim.caption
    both = study_page("p", "smoke", [_artifact(comparisons=[lost, THREE])]).sections[0].parts[-1]
    assert list(both.frame["quantity"]) == ["accuracy (%)"]


def test_a_section_says_what_models_were_fed() -> None:
    page = study_page("p", "desk", [_artifact(seen_as=["pixels divided by 255", "pixels from 0 to 255"])])
    assert page.sections[0].parts[0].paragraphs[1] == "Seen as: pixels divided by 255 / pixels from 0 to 255."
