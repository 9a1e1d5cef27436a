"""Two checkpoints side by side: intervals are those of the paired test, and a memoriser is never shipped."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from audited_networks import N_TEST, blobs, fitted

from gengap.bounds import paired_difference
from gengap.errors import InputError
from gengap.tasks.audit import Audit, audit_pair, side_by_side
from gengap.tasks.audit.gates import PAIR_NAMES


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
    assert shown.loc["verdict", ["B minus A", "95 % interval"]].tolist() == ["–", "–"]


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
    assert shown[["B", "B minus A", "95 % interval"]].tolist() == ["–", "–", "–"]
