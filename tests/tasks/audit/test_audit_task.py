"""An audit of small networks: what it says, what it leaves out, and that a part's failure stays that part's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gengap
from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.tasks.audit import Audit, task
from gengap.tasks.audit.part import Budget, NotApplicable, Part, run_part

N_TRAIN, N_TEST, D, C = 240, 300, 6, 3


def blobs(*, shared: int = 0, random_labels: bool = False) -> Problem:
    """Three clusters; some test examples may be training examples too, the training labels may be random."""
    random = np.random.default_rng(0)
    y = np.arange(N_TRAIN + N_TEST) % C
    x = (5 * np.eye(D)[y] + random.standard_normal((len(y), D))).astype(np.float32)
    test = Split(x[N_TRAIN:].copy(), y[N_TRAIN:].astype(np.int64))
    test_x = test.x.copy()
    test_x[:shared] = x[:shared]
    labels = random.permutation(y[:N_TRAIN]) if random_labels else y[:N_TRAIN]
    train = Split(x[:N_TRAIN], labels.astype(np.int64))
    return Problem("blobs", train, Split(test_x, test.y), ("a", "b", "c"))


def fitted(problem: Problem, width: int = 64, steps: int = 150, lr: float = 0.02) -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(D, width), nn.ReLU(), nn.Linear(width, C))
    x, y = torch.tensor(problem.train.x), torch.tensor(problem.train.y)
    optimizer = torch.optim.Adam(network.parameters(), lr)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    return network


@pytest.fixture(scope="module")
def learned() -> Audit:
    problem = blobs(shared=5)
    return gengap.audit(fitted(problem), data=problem, quick=True, tried=7, groups={"half": np.arange(N_TEST) < 150})


def test_the_document_has_what_is_promised(learned: Audit, tmp_path: Path) -> None:
    document = json.loads(learned.write(tmp_path).with_name("report.json").read_text())
    assert {"accuracy", "certificate", "normalised_loss", "measures", "suspects", "verdict", "not_covered"} <= set(
        document
    )
    assert {"train", "test"} <= set(document["accuracy"])
    assert {"train", "test"} == set(document["normalised_loss"])
    assert {"index", "label", "score"} <= set(document["suspects"][0])
    assert document["certificate"]["tried"] == 7
    assert {"name", "value", "status", "record"} <= set(document["measures"][0])
    assert document["verdict"] == "learned"
    assert "rule" in document["learned_share"]
    assert "<h2>Learned or memorised</h2>" in (tmp_path / "report.html").read_text()


def test_numbers_are_those_of_the_functions_of_the_same_names(learned: Audit) -> None:
    problem, document = blobs(shared=5), learned.to_json()
    network = fitted(problem)
    with torch.no_grad():
        predicted = network(torch.tensor(problem.test.x[5:])).argmax(1).numpy()
    made = gengap.certify(y_true=problem.test.y[5:], y_pred=predicted, tried=7)
    assert document["certificate"]["upper"] == pytest.approx(made.upper)
    loss = gengap.measures.normalised_loss(network, problem)
    assert document["normalised_loss"]["train"] == pytest.approx(loss, rel=1e-9)


def test_shared_test_examples_are_left_out_unless_allowed(learned: Audit) -> None:
    assert learned.subject["n_test"] == N_TEST - 5
    assert learned.to_json()["near_duplicates"]["equal"] == 5
    problem = blobs(shared=5)
    allowed = gengap.audit(fitted(problem, steps=5), data=problem, quick=True, allow_overlap=True)
    assert allowed.subject["n_test"] == N_TEST
    assert any("were counted, as asked" in remark for remark in allowed.parts["certificate"].values["remarks"])


def test_groups_are_those_of_the_examples_that_are_left(learned: Audit) -> None:
    rows = {row["value"]: row["n"] for row in learned.parts["worst_groups"].values["half"]["rows"]}
    assert rows == {"True": 145, "False": 150}


def test_all_test_examples_shared_is_refused() -> None:
    problem = blobs()
    same = problem.derive({"step": "same"}, test=problem.train)
    with pytest.raises(InputError, match="--allow-overlap"):
        gengap.audit(fitted(same, steps=2), data=same, quick=True)


def test_a_network_on_random_labels_has_memorised() -> None:
    problem = blobs(random_labels=True)
    found = gengap.audit(fitted(problem, width=512, steps=400), data=problem, quick=True)
    assert found.parts["accuracy"].values["train"] > 0.95
    assert found.verdict in ("memorised", "undecided")  # 300 test examples
    assert found.parts["verdict"].values["share"] < 0.25
    assert found.parts["suspects"].status == "partial"
    assert "give --tried" in found.parts["certificate"].reason


def test_out_of_fold_probabilities_find_a_wrong_label() -> None:
    clean = blobs()
    y = clean.train.y.copy()
    y[3] = (y[3] + 1) % C
    problem = clean.derive({"step": "one wrong label"}, train=Split(clean.train.x, y))
    outside = np.full((N_TRAIN, C), 0.05)
    outside[np.arange(N_TRAIN), clean.train.y] = 0.9
    found = gengap.audit(fitted(problem, steps=20), data=problem, quick=True, out_of_fold=outside)
    assert found.suspects.loc[0, "index"] == 3
    assert found.parts["suspects"].values["wrong"] == 1
    wrong = gengap.audit(fitted(problem, steps=2), data=problem, quick=True, out_of_fold=outside[:5])
    assert "shape (5, 3)" in wrong.parts["suspects"].reason


def test_an_accuracy_far_from_the_expected_one_stands_first() -> None:
    problem = blobs()
    found = gengap.audit(fitted(problem, steps=2), data=problem, quick=True, expect_accuracy=0.99)
    assert "Warning" in found.inputs
    assert found.next_steps[0].startswith("First see that the inputs")


def test_a_part_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Part:
        raise RuntimeError("boom\nsecond line")

    monkeypatch.setattr(task.outputs, "calibration_part", broken)
    problem = blobs()
    found = gengap.audit(fitted(problem, steps=2), data=problem, quick=True)
    assert found.parts["calibration"].status == "failed"
    assert found.parts["calibration"].reason == "RuntimeError: boom"
    assert found.parts["certificate"].values
    assert any("Calibration: failed" in line for line in found.not_covered)
    assert found.to_json()["calibration"] is None


def test_a_part_has_a_state_and_never_raises() -> None:
    def absent() -> Part:
        raise NotApplicable("no such thing")

    budget = Budget(0.0)
    assert run_part("margins", "Margins", absent, budget).status == "not applicable"
    late = run_part("measures", "Measures", absent, budget, long=True)
    assert (late.status, late.title) == ("left out", "Measures")
    assert run_part("x", "X", lambda: Part("x", "X"), Budget(None), long=True).status == "ok"


@pytest.mark.parametrize("wrong", [{"tried": 0}, {"delta": 2}, {"quick": True, "full": True}, {"expect_accuracy": 97}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    problem = blobs()
    with pytest.raises(InputError):
        gengap.audit(fitted(problem, steps=1), data=problem, **wrong)
