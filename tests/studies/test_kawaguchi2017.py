"""Kawaguchi et al. 2017: what the studies of linear models show, as inequalities."""

from dataclasses import asdict

import pandas as pd
import pytest

from gengap.studies.kawaguchi2017 import corollary2, linear, theorem1

LARGEST = max(linear.DISTANCES)


def _rows(module) -> pd.DataFrame:
    groups: dict[tuple[object, ...], list[linear.Config]] = {}
    for config in module.sweep("smoke"):
        groups.setdefault((config.labels, config.allowed), []).append(config)
    rows = [
        row | asdict(config)
        for configs in groups.values()
        for config, row in zip(configs, module.fit(configs, None), strict=True)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def theorem() -> pd.DataFrame:
    return _rows(theorem1)


def test_sizes_meet_the_theorems_conditions() -> None:
    assert all(n_train + n_test < n_features for n_train, n_test, n_features in theorem1.SIZES.values())
    assert all(n_train > 64 for n_train, _ in corollary2.SIZES.values())
    assert corollary2.SIZES["paper"][0] > 784


def test_random_labels_are_memorised(theorem: pd.DataFrame) -> None:
    (row,) = theorem[theorem["labels"] == "random"].to_dict("records")
    assert row["train_error"] == 0
    assert row["train_off"] < 1e-9
    assert row["test_error"] > 0.7


def test_no_norm_is_too_large_for_a_test_error_of_zero(theorem: pd.DataFrame) -> None:
    true = theorem[theorem["labels"] == "true"]
    assert true["holds"].all()
    assert (true["rank"] == 160).all()
    assert (true["test_error"] == 0).all()
    assert true["norm"].max() > 0.99 * LARGEST
    for allowed, rows in true.groupby("allowed"):
        assert (rows[["train_off", "test_off"]].max(axis=1) <= allowed + rows["rounding"]).all()
        assert (rows["rounding"] < 1e-4).all()  # small against labels of 0 and 1
    moved = true[true["allowed"] > 0]
    assert (moved["train_off"] > 0.9 * theorem1.ALLOWED).all()


def test_neither_with_fewer_features_than_examples() -> None:
    rows = _rows(corollary2)
    assert (rows["n_features"] < rows["n_train"]).all()
    assert (rows["rank"] < rows["n_features"]).all()
    assert rows["holds"].all()
    assert rows["test_error"].nunique() == 1
    assert rows["test_error"].iloc[0] < 0.2
    assert rows["norm"].max() / rows["norm"].min() > 1e4


def test_views_of_rows(theorem: pd.DataFrame) -> None:
    figure = linear.error_by_norm("theorem-1-error-by-norm", theorem)
    assert figure is not None
    assert "norms from 19" in figure.alternative
    assert len(linear.claims(theorem).frame) == len(theorem)
    assert linear.error_by_norm("none", theorem.assign(norm=None)) is None
