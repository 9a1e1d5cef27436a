"""Two checkpoints side by side: intervals are those of the paired test, and a memoriser is never shipped."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from audited_networks import N_TEST, N_TRAIN, blobs, fitted

from gengap.bounds import clopper_pearson_interval, paired_difference
from gengap.errors import InputError
from gengap.tasks.audit import Audit, audit_pair, side_by_side
from gengap.tasks.audit.gates import PAIR_NAMES
from gengap.tasks.audit.pair_page import interval_heading


@pytest.mark.usefixtures("brief")
def test_the_better_one_is_shipped_with_the_paired_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(Audit, "write", lambda self, out: written.append(Path(out).name))
    problem = blobs()
    good, bad = fitted(problem), fitted(problem, steps=1, lr=1e-4)
    pair = audit_pair(bad, good, data=problem, quick=True, out=tmp_path)
    document = json.loads((tmp_path / "report.json").read_text())
    assert pair.verdict == "ship B"
    assert document["verdict"] == "ship B"
    assert written == ["a", "b"]
    c = pair.comparison
    assert c.a_only is not None
    assert c.b_only is not None
    found = paired_difference(c.a_only, c.b_only, N_TEST)
    row = pair.changes.set_index("quantity").loc["test accuracy"]
    assert (row["low"], row["high"]) == pytest.approx((float(found.lower), float(found.upper)))
    assert row["low"] <= row["difference"] <= row["high"]
    assert pair.classes["n"].sum() == N_TEST
    assert (pair.classes["low"] <= pair.classes["difference"]).all()
    assert set(document) >= set(PAIR_NAMES)
    assert document["a"]["certificate"]["upper"] == pair.audits[0].parts["certificate"].values["upper"]
    assert set(pair.to_json()) == set(PAIR_NAMES)


@pytest.mark.usefixtures("brief")
def test_the_same_model_twice_cannot_be_told_apart() -> None:
    problem = blobs()
    network = fitted(problem)
    pair = audit_pair(network, network, data=problem, quick=True)
    assert pair.verdict == "cannot tell"
    assert pair.names == ("Sequential (A)", "Sequential (B)")
    assert np.isclose(pair.changes.set_index("quantity").loc["test predictions that differ", "difference"], 0)


@pytest.mark.usefixtures("brief")
def test_all_intervals_are_at_the_level_that_their_column_names() -> None:
    problem = blobs()
    pair = audit_pair(
        fitted(problem, steps=1, lr=1e-4), fitted(problem), data=problem, quick=True, tried=5, delta=0.1, seed=3
    )
    heading = interval_heading(pair)
    assert heading == "99 % interval"
    assert list(side_by_side(pair))[-1] == heading
    c, rows = pair.comparison, pair.changes.set_index("quantity")
    assert c.a_only is not None
    assert c.b_only is not None
    assert tuple(rows.loc["test accuracy", ["low", "high"]]) == pytest.approx(
        [float(end) for end in paired_difference(c.a_only, c.b_only, N_TEST, 0.01)[:2]]
    )
    differing = rows.loc["test predictions that differ"]
    count = round(differing["difference"] * N_TEST)
    assert tuple(differing[["low", "high"]]) == clopper_pearson_interval(count, N_TEST, delta=0.01)
    accuracies = [audit.parts["accuracy"].values["train"] for audit in pair.audits]
    alone = round((accuracies[1] - accuracies[0]) * N_TRAIN)  # B is right on all
    assert tuple(rows.loc["training accuracy", ["low", "high"]]) == pytest.approx(
        [float(end) for end in paired_difference(alone, 0, N_TRAIN, 0.01)[:2]]
    )
    assert [audit.parts["certificate"].values["order_seed"] for audit in pair.audits] == [3, 3]


@pytest.mark.usefixtures("brief")
def test_certificates_of_a_pair_count_both_models() -> None:
    problem = blobs()
    pair = audit_pair(fitted(problem, steps=1), fitted(problem), data=problem, quick=True)
    for audit in pair.audits:
        made = audit.parts["certificate"]
        assert made.values["tried"] == 2
        assert made.status == "partial"
        assert audit.parts["worst_groups"].values["class"]["tried"] == 2
        assert "not known, the 2 compared here are assumed" in audit.model_card()


def test_two_models_tried_at_least() -> None:
    problem = blobs()
    with pytest.raises(InputError, match="two models"):
        audit_pair(fitted(problem, steps=1), fitted(problem, steps=1), data=problem, tried=1)


@pytest.mark.usefixtures("brief")
def test_side_by_side_differences_are_points_and_bounds_are_rounded_up() -> None:
    problem = blobs()
    pair = audit_pair(fitted(problem, steps=1, lr=1e-4), fitted(problem), data=problem, quick=True)
    shown = side_by_side(pair).set_index("quantity")
    row = pair.changes.set_index("quantity").loc["test accuracy"]
    assert shown.loc["test accuracy", "B minus A"] == f"{100 * row['difference']:+.2f} points"
    upper = pair.audits[0].parts["certificate"].values["upper"]
    assert float(shown.loc["true error at most", "A"].rstrip(" %")) / 100 >= upper
    assert shown.loc["verdict", ["B minus A", interval_heading(pair)]].tolist() == ["–", "–"]


@pytest.mark.usefixtures("brief")
def test_a_model_that_learned_nothing_has_no_share() -> None:
    problem = blobs()
    nothing = fitted(problem, steps=1)
    with torch.no_grad():
        for parameter in nothing.parameters():
            parameter.zero_()
    nothing[-1].bias.data[0] = 1.0  # always the first class
    pair = audit_pair(fitted(problem), nothing, data=problem, quick=True)
    assert pair.audits[1].verdict == "learned nothing"
    shown = side_by_side(pair).set_index("quantity").loc["share that carries over"]
    assert shown["A"] != "–"
    assert shown[["B", "B minus A", interval_heading(pair)]].tolist() == ["–", "–", "–"]
