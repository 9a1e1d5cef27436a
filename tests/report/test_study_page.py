"""The verdict on a number, and the page of a study."""

import math
from dataclasses import replace

import pandas as pd
import pytest
from scipy import stats

from gengap.report import Artifact, Comparison, Table, study_page, write_page

THREE = Comparison("accuracy", "Table 1", "printed", 50.0, 1.0, "%", values=(49.0, 50.0, 52.0))


@pytest.mark.parametrize(
    ("values", "verdict"), [((51.0,), "agrees"), ((51.1,), "disagrees"), ((48.9,), "disagrees"), ((), "not comparable")]
)
def test_verdict_is_by_the_tolerance(values: tuple[float, ...], verdict: str) -> None:
    assert replace(THREE, values=values).verdict == verdict


def test_only_the_papers_setting_is_judged() -> None:
    assert replace(THREE, indicative="fewer images").verdict == "not comparable"
    assert replace(THREE, missing=("failed: no memory",)).verdict == "not comparable"


def test_divergence_disagrees_even_where_the_other_seeds_agree() -> None:
    assert replace(THREE, values=(50.0, 50.0), missing=("diverged: NaN",), diverged=1).verdict == "disagrees"


def test_interval_is_students() -> None:
    n, mean, spread = 3, 151 / 3, stats.sem([49.0, 50.0, 52.0])
    assert THREE.interval == pytest.approx(stats.t.interval(0.95, n - 1, loc=mean, scale=spread))
    assert THREE.difference == pytest.approx(mean - 50.0)
    assert replace(THREE, values=(50.0,)).interval is None


def test_record_holds_no_nan() -> None:
    record = replace(THREE, values=()).record()
    assert record["ours"] is None
    assert record["reason"] == "this scale leaves the setting out"
    assert not any(isinstance(value, float) and math.isnan(value) for value in THREE.record().values())


def _artifact(**changes: object) -> Artifact:
    whole = Artifact("p/table1", "Table 1", "A claim.", "The paper.", [], [THREE], pd.DataFrame(), ["A", "B"])
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
    numbers = page.sections[0].parts[1]
    assert isinstance(numbers, Table)
    assert list(numbers.frame["what"]) == ["accuracy", "lost"]
    assert list(numbers.frame["verdict"]) == ["not comparable (indicative)", "not comparable"]
    text = write_page(page, tmp_path).read_text()
    assert "&lt;b&gt;no memory" in text
    assert "<b>no memory" not in text
    assert "nothing is judged" in text
