"""Gunasekar et al. 2017 and Arora et al. 2019: small starts, few measurements, depth."""

from dataclasses import asdict

import pandas as pd
import pytest

from gengap.studies.arora2019 import depth
from gengap.studies.gunasekar2017 import initialisation, measurements, recovery


@pytest.fixture(scope="module")
def starts() -> pd.DataFrame:
    configs = [c for c in initialisation.sweep("smoke") if c.kind == "gaussian"]
    rows = [row | asdict(c) for c, row in zip(configs, recovery.recover(configs, None), strict=True)]
    return pd.DataFrame(initialisation.with_ratio(rows))


@pytest.fixture(scope="module")
def recovered() -> pd.DataFrame:
    configs = measurements.sweep("smoke")
    return pd.DataFrame([r | asdict(c) for c, r in zip(configs, recovery.recover(configs, None), strict=True)])


def test_the_least_norm_is_certified(starts: pd.DataFrame) -> None:
    least = starts[starts["method"] == "nuclear norm"]
    assert least["converged"].all()
    assert (least["gap"].abs() <= recovery.TOLERANCE).all()
    assert (least["lower"] <= least["true_norm"]).all()
    assert (least["norm_over_least"] == 1).all()


def test_smaller_starts_find_smaller_norms(starts: pd.DataFrame) -> None:
    for _, rows in starts[starts["method"] == "descent"].groupby("per_parameter"):
        ratios = rows.sort_values("start", ascending=False)["norm_over_least"].tolist()
        assert ratios[0] > 3 > 1.5 > ratios[1] > ratios[2] > 1 - 2 * recovery.TOLERANCE
        assert ratios[2] < 1.05


def test_a_norm_stands_against_a_certified_least_only() -> None:
    setting = {"kind": "gaussian", "per_parameter": 3.0, "seed": 0}
    rows = [
        {**setting, "method": "nuclear norm", "norm": 2.0, "converged": True},
        {**setting, "method": "descent", "norm": 3.0, "converged": True},
        {**setting, "method": "descent", "norm": 4.0, "converged": False},
        {**setting, "seed": 1, "method": "nuclear norm", "norm": 2.0, "converged": False},
        {**setting, "seed": 1, "method": "descent", "norm": 3.0, "converged": True},
        {**setting, "seed": 2, "method": "descent", "norm": None, "converged": None},
    ]
    ratios = [row["norm_over_least"] for row in initialisation.with_ratio(rows)]
    assert ratios == [1.0, 1.5, None, None, None, None]


def test_recovery_needs_measurements_and_a_small_start(recovered: pd.DataFrame) -> None:
    names = [recovery.name(*each) for each in zip(recovered["method"], recovered["start"], strict=True)]
    errors = recovered.assign(by=names)
    table = errors.pivot(index="per_parameter", columns="by", values="recovery_error")
    assert (table.loc[1.0] > 0.3).all()
    for method in ("descent from 0.001", "nuclear norm", "rank"):
        assert table.loc[3.0, method] < 0.01
    assert table.loc[3.0, "descent from 0.3"] > 0.1


def test_measurements_are_at_most_all_there_are() -> None:
    assert recovery.Config("smoke", "entries", 3.0, "rank").count == 30
    assert recovery.Config("smoke", "entries", 99.0, "rank").count == 55


def test_views_of_rows(starts: pd.DataFrame, recovered: pd.DataFrame) -> None:
    figure = initialisation.figure(starts)
    assert figure is not None
    assert len(figure.data) == 6
    other = measurements.figure(recovered)
    assert other is not None
    assert len(other.data) == len(recovered) == len(recovery.table(recovered).frame)
    assert measurements.figure(recovered.assign(recovery_error=None)) is None
    assert initialisation.figure(starts.assign(norm_over_least=None)) is None


def test_depth_lowers_the_rank() -> None:
    configs = [c for c in depth.sweep("smoke") if c.known == 0.4]
    rows = pd.DataFrame([r | asdict(c) for c, r in zip(configs, depth.complete(configs, None), strict=True)])
    assert rows["converged"].all()
    ranks = rows.set_index("depth")["effective_rank"]
    assert ranks[1] > 2 > ranks[2] >= ranks[3] - 0.01 >= ranks[4] - 0.02
    figure = depth.figure(rows)
    assert figure is not None
    assert set(figure.data["completed by"]) == {"least nuclear norm", "depth 1", "depth 2", "depth 3", "depth 4"}
    assert len(depth.table(rows).frame) == 5
