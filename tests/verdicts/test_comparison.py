"""The verdict on a number of a paper, and the interval of ours."""

import math
from dataclasses import replace

import pytest
from scipy import stats

from gengap.verdicts import Comparison

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
