"""Zhang et al. 2017, Theorem 1 and Table 3: the paper's numbers, and what is computed from rows."""

import pandas as pd
import pytest

from gengap.studies.zhang2017 import table3, theorem1


def test_table_3_is_whole() -> None:
    errors = {tuple(n.where.values()): n.value for n in table3.REPORTED if n.quantity == "test_error"}
    assert errors == {
        ("mnist", "none"): 1.2,
        ("mnist", "gabor"): 0.6,
        ("cifar10", "none"): 46,
        ("cifar10", "conv"): 17,
    }
    assert [n.value for n in table3.REPORTED if n.quantity.startswith("norm")] == [220, 390, 1.77]


def test_norms_are_set_against_those_without_a_map() -> None:
    rows = [
        {"data": "m", "preprocessing": "none", "norm": 200.0},
        {"data": "m", "preprocessing": "gabor", "norm": 300.0},
        {"data": "c", "preprocessing": "conv", "norm": 5.0},
        {"data": "m", "preprocessing": "zca", "norm": None},
    ]
    assert [row["norm_ratio"] for row in table3.with_ratios(rows)] == [1.0, 1.5, None, None]


def test_theorem_1_counts_its_weights() -> None:
    assert [n.value for n in theorem1.REPORTED] == [2 * 50_000 + 3_072, 0]
    (row,) = theorem1.fit([theorem1.Config("smoke", 50)], None)
    assert row["n_weights"] == 2 * 50 + 64
    assert row["weights_over_theorem"] == 0
    assert row["relative_error"] <= theorem1.ALLOWED


def test_theorem_1_draws_the_network_through_its_points() -> None:
    (drawn,) = theorem1.fit([theorem1.Config("smoke", theorem1.DRAWN)], None)
    (larger,) = theorem1.fit([theorem1.Config("smoke", 20)], None)
    assert larger["line_points"] is None
    figure = theorem1.figure(pd.DataFrame([larger, drawn]))
    curve = figure.data[figure.data["what"] == "the network"].set_index("place")["value"]
    assert len(drawn["line_points"]) == theorem1.DRAWN
    for place, value in zip(drawn["line_points"], drawn["line_values"], strict=True):
        assert curve[place] == pytest.approx(value, abs=1e-9)
    units = figure.data[figure.data["what"].str.startswith("ReLU")].groupby("place")["value"].sum()
    assert units.to_numpy() == pytest.approx(curve.to_numpy(), abs=1e-9)
    assert theorem1.figure(pd.DataFrame([larger])) is None


@pytest.mark.parametrize("module", [table3, theorem1])
def test_nothing_but_failures_has_no_table(module) -> None:
    view = table3.table_3 if module is table3 else theorem1.table
    assert view(pd.DataFrame({"status": ["failed"]})) is None
