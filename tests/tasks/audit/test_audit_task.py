"""An audit of small networks: what it says, what it leaves out, and that a part's failure stays that part's."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from audited_networks import N_TEST, N_TRAIN, C, D, blobs, fitted

import gengap
from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.tasks.audit import Audit, card, part, task
from gengap.tasks.audit.gates import NAMES
from gengap.tasks.audit.outputs import share_of
from gengap.tasks.audit.part import Budget, NotApplicable, Part, run_part
from gengap.tasks.audit.subject import audit_subject
from gengap.tasks.audit.weights import measures_part
from gengap.tasks.audit.words import not_covered


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
    assert list(learned.to_json()) == list(NAMES)
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


def test_each_norm_is_judged_by_its_own_losses(learned: Audit) -> None:
    table, text = learned.parts["normalised_loss"].blocks()
    beside, forecast = text.paragraphs
    alike = np.log(C)
    for norm, words in zip(("Frobenius", "L1 over 100"), beside.split("; "), strict=False):
        row = table.frame.set_index("norm").loc[norm]
        told = dict(zip(("training_loss", "test_loss"), re.findall(r"lies (\S+) (below|above)", words), strict=True))
        for split, (distance, side) in told.items():
            assert float(distance) == pytest.approx(abs(alike - row[split]), rel=0.01)
            assert (side == "below") == (row[split] < alike)
    assert "no forecast" in forecast


def test_layers_are_quoted_as_names(learned: Audit) -> None:
    part = replace(learned.parts["measures"], not_covered=["0", "2"])
    assert not_covered({"measures": part})[-1].endswith("without layers '0', '2'.")


def test_how_many_models_were_tried_is_said_once(learned: Audit) -> None:
    assert learned.parts["certificate"].sentence.count("best of 7") == 1
    assert "best of" not in learned.parts["worst_groups"].sentence


@pytest.mark.usefixtures("brief")
def test_shared_test_examples_are_left_out_unless_allowed(learned: Audit) -> None:
    assert learned.subject["n_test"] == N_TEST - 5
    assert learned.to_json()["near_duplicates"]["equal"] == 5
    problem = blobs(shared=5)
    allowed = gengap.audit(fitted(problem, steps=5), data=problem, quick=True, allow_overlap=True)
    assert allowed.subject["n_test"] == N_TEST
    assert any("and counted, as asked" in remark for remark in allowed.parts["certificate"].values["remarks"])


def test_groups_are_those_of_the_examples_that_are_left(learned: Audit) -> None:
    rows = {row["value"]: row["n"] for row in learned.parts["worst_groups"].values["half"]["rows"]}
    assert rows == {"True": 145, "False": 150}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"groups": {"class": ["a"] * N_TEST}}, "called 'class'"),
        ({"groups": {"site": [*["north"] * (N_TEST - 1), None]}}, f"no value for test example {N_TEST - 1}"),
        ({"groups": {"site": np.r_[np.ones(N_TEST - 2), np.nan, np.nan]}}, "2 such in all"),
        ({"groups": {"site": [*["north"] * (N_TEST - 1), " "]}}, "no value"),
        ({"groups": {"site": ["north"]}}, f"one for each of {N_TEST}"),
        ({"unlabelled": np.full((2, D), np.nan, np.float32)}, "holds NaN"),
        ({"unlabelled": np.full((2, D), 1e300)}, "holds NaN or Inf"),
        ({"folds": N_TRAIN + 1, "train": f"{__name__}:fit_logistic"}, f"{N_TRAIN + 1} folds"),
    ],
)
def test_what_a_user_gives_beside_the_model_is_refused_before_it_is_read(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        gengap.audit("no.such:model", data=blobs(), **given)


@pytest.mark.usefixtures("brief")
def test_equal_examples_that_are_allowed_are_counted_once() -> None:
    problem = blobs(shared=40)
    network = fitted(problem)
    found = [gengap.audit(network, data=problem, quick=True, allow_overlap=allowed) for allowed in (False, True)]
    without, allowed = (audit.parts["near_duplicates"].values for audit in found)
    assert allowed["equal"] == without["equal"] == 40
    assert allowed["near"] == without["near"]


@pytest.mark.usefixtures("brief")
def test_classes_without_test_examples_are_named_as_not_covered() -> None:
    problem = blobs()
    here = problem.test.y != 1
    seen = problem.derive({"step": "without b"}, test=Split(problem.test.x[here], problem.test.y[here]))
    found = gengap.audit(fitted(problem), data=seen, quick=True)
    assert "Accuracy by class: without the class b, which has no test examples." in found.not_covered


def test_all_test_examples_shared_is_refused() -> None:
    problem = blobs()
    same = problem.derive({"step": "same"}, test=problem.train)
    with pytest.raises(InputError, match="--allow-overlap"):
        gengap.audit(fitted(same, steps=2), data=same, quick=True)


@pytest.mark.usefixtures("brief")
def test_a_network_on_random_labels_has_memorised() -> None:
    problem = blobs(random_labels=True)
    found = gengap.audit(fitted(problem, width=512, steps=400), data=problem, quick=True)
    assert found.parts["accuracy"].values["train"] > 0.95
    assert found.verdict in ("memorised", "undecided")  # 300 test examples
    assert found.parts["verdict"].values["share"] < 0.25
    assert found.parts["suspects"].status == "partial"
    assert "give --tried" in found.parts["certificate"].reason


@pytest.mark.usefixtures("brief")
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
    assert found.parts["suspects"].status == "ok"
    with pytest.raises(InputError, match=r"shape \(5, 3\)"):
        gengap.audit(fitted(problem, steps=2), data=problem, quick=True, out_of_fold=outside[:5])


@pytest.mark.usefixtures("brief")
def test_out_of_fold_models_that_are_mostly_wrong_are_not_trusted() -> None:
    problem = blobs()
    outside = np.random.default_rng(0).dirichlet(np.ones(C), N_TRAIN)
    found = gengap.audit(fitted(problem, steps=20), data=problem, quick=True, out_of_fold=outside)
    agreement = float((outside.argmax(1) == problem.train.y).mean())
    assert found.parts["suspects"].values["agreement"] == pytest.approx(agreement)
    assert found.parts["suspects"].status == "partial"
    assert any("better models" in step for step in found.next_steps)


@pytest.mark.usefixtures("brief")
def test_an_accuracy_far_from_the_expected_one_stands_first() -> None:
    problem = blobs()
    found = gengap.audit(fitted(problem, steps=40), data=problem, quick=True, expect_accuracy=0.5)
    assert "Warning" in found.inputs
    assert found.next_steps[0].startswith("First see that the inputs")


@pytest.mark.usefixtures("brief")
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


@pytest.mark.usefixtures("brief")
def test_an_estimator_is_audited_by_its_own_predictions() -> None:
    from sklearn.linear_model import LogisticRegression

    problem = blobs()
    model = LogisticRegression().fit(problem.train.x, problem.train.y)
    found = gengap.audit(model, data=problem, quick=True)
    assert found.parts["accuracy"].values["test"] == model.score(problem.test.x, problem.test.y)
    assert found.verdict == "learned"
    assert found.parts["normalised_loss"].status == "not applicable"
    assert "LogisticRegression is none" in found.parts["normalised_loss"].reason
    assert found.parts["calibration"].values["ece"] >= 0


@pytest.mark.usefixtures("brief")
def test_the_file_of_an_estimator_is_not_read_as_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = blobs()
    (tmp_path / "model.skops").write_bytes(b"no checkpoint")
    monkeypatch.setattr(task, "opened_model", lambda *_: fit_logistic(problem, 0))
    assert gengap.audit(str(tmp_path / "model.skops"), data=problem, quick=True).verdict == "learned"


@pytest.mark.usefixtures("brief")
def test_labels_alone_have_no_calibration() -> None:
    class Votes:
        def predict(self, x: Any) -> Any:
            return np.asarray(x)[:, :C].argmax(1)

    found = gengap.audit(Votes(), data=blobs(), quick=True)
    assert found.parts["calibration"].reason == "the model gives labels without probabilities"
    assert found.parts["certificate"].values
    assert found.parts["suspects"].values["listed"] > 0
    assert "training examples by errors" in found.parts["suspects"].sentence


@pytest.mark.usefixtures("brief")
def test_what_the_order_of_suspects_comes_from_is_what_the_model_has(learned: Audit) -> None:
    assert "by loss, margin and gradient:" in learned.parts["suspects"].sentence
    found = gengap.audit(fit_logistic(blobs(), 0), data=blobs(), quick=True).parts["suspects"]
    assert "by loss and margin:" in found.sentence
    assert found.values["method"] == "the model's own loss and margin"


@pytest.mark.usefixtures("brief")
def test_a_training_that_fails_stands_among_the_next_steps() -> None:
    def broken(problem: Problem, seed: int) -> Any:
        raise RuntimeError("no memory")

    found = gengap.audit(fit_logistic(blobs(), 0), data=blobs(), folds=2, train=broken, quick=True)
    suspects = found.parts["suspects"]
    assert suspects.status == "partial"
    assert "RuntimeError: no memory (" in suspects.reason
    assert f"{Path(__file__).name}, line {broken.__code__.co_firstlineno + 1}); mend it" in suspects.reason
    assert suspects.values["method"] == "the model's own loss and margin"  # the list does not go with the trainings
    assert len(found.suspects)
    assert any("Memorised or mislabelled" in step for step in found.next_steps)
    assert any("no memory" in line for line in found.not_covered)


@pytest.mark.usefixtures("brief")
def test_margins_of_certain_answers_are_infinite_and_come_last_among_the_suspects() -> None:
    class Cautious:
        """Certain and right but for the first 40 training examples, to which it gives probability 0.6."""

        def __init__(self, problem: Problem) -> None:
            self.classes_ = np.arange(C)
            x, y = (np.concatenate([getattr(problem.train, of), getattr(problem.test, of)]) for of in "xy")
            self.known = dict(zip([row.tobytes() for row in x], y.tolist(), strict=True))
            self.doubtful = {x.tobytes() for x in problem.train.x[:40]}

        def predict_proba(self, x: Any) -> Any:
            rows = [np.ascontiguousarray(row, np.float32).tobytes() for row in x]
            certain = np.eye(C)[[self.known[row] for row in rows]]
            doubtful = np.array([row in self.doubtful for row in rows])
            return np.where(doubtful[:, None], 0.6 * certain + 0.2 * (1 - certain), certain)

        def predict(self, x: Any) -> Any:
            return self.predict_proba(x).argmax(1)

    problem = blobs()
    found = gengap.audit(Cautious(problem), data=problem, quick=True)
    margins = found.parts["margins"].values
    assert margins["train"]["5"] == pytest.approx(np.log(3))
    assert {margins["train"]["50"], margins["test"]["5"]} == {np.inf}
    assert found.parts["margins"].status == "ok"
    assert "infinite on the training split" in found.parts["margins"].sentence
    assert set(found.suspects["index"].head(40)) == set(range(40))


def test_a_card_shows_a_name_with_markup_as_text() -> None:
    markdown_it = pytest.importorskip("markdown_it")
    text = card._cell(r"\<img src=x onerror=alert(1)\> \| &lt;b&gt;")
    html = markdown_it.MarkdownIt("commonmark", {"html": True}).render(text)
    assert html == "<p>\\&lt;img src=x onerror=alert(1)\\&gt; \\| &amp;lt;b&amp;gt;</p>\n"
    assert card._cell("~~cat~~ $x$") == r"\~\~cat\~\~ \$x\$"  # struck out, and formulas, beyond CommonMark


def fit_logistic(problem: Problem, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression().fit(problem.train.x, problem.train.y)


@pytest.mark.usefixtures("brief")
def test_folds_find_a_wrong_label_and_estimate_an_error() -> None:
    clean = blobs()
    y = clean.train.y.copy()
    y[[3, 50]] = (y[[3, 50]] + 1) % C
    problem = clean.derive({"step": "wrong labels"}, train=Split(clean.train.x, y))
    found = gengap.audit(
        fitted(problem, steps=20), data=problem, quick=True, folds=3, train=fit_logistic, unlabelled=clean.test.x[:50]
    )
    assert set(found.suspects["index"][found.suspects["taken_for_wrong"]]) == {3, 50}
    estimates = found.parts["label_free"].values["estimates"]
    assert [row["examples"] for row in estimates] == ["test", "new", "new", "new"]
    assert all(0 <= row["estimate"] < 0.1 for row in estimates)


@pytest.mark.usefixtures("brief")
def test_data_without_a_training_split_have_a_certificate_and_no_verdict(tmp_path: Path) -> None:
    problem = blobs()
    np.savez(tmp_path / "held.npz", x_test=problem.test.x, y_test=problem.test.y)
    data = gengap.load(tmp_path / "held.npz", held_out=True)
    found = gengap.audit(fitted(problem, steps=50), data=data, quick=True, tried=3)
    assert found.verdict is None
    assert found.subject["n_train"] == 0
    assert found.parts["verdict"].reason == "the data have no training split"
    assert found.parts["certificate"].status == "ok"
    assert found.sentence.startswith("No verdict: the data have no training split.")


def test_a_notebook_and_a_card_show_the_answer(learned: Audit) -> None:
    html, card = learned._repr_html_(), learned.model_card()
    assert "<script" not in html
    assert "learned" in html
    assert card.startswith("## Evaluation")
    assert "| Test accuracy |" in card


def test_a_column_of_large_numbers_makes_no_near_duplicates() -> None:
    from gengap.probes import nearest
    from gengap.tasks.audit.duplicates import RATIO, ROWS, _comparable

    random = np.random.default_rng(0)
    train, test = random.standard_normal((400, 12)), random.standard_normal((60, 12))
    train[:, 0], test[:, 0] = 1e5 * train[:, 0], 1e5 * test[:, 0]
    test[7] = train[33] * 1.001
    as_stored, scaled = nearest(test, train), nearest(*_comparable(test, train))
    assert (as_stored.similarity >= ROWS).sum() > 50
    assert np.flatnonzero(scaled.stands_out(ROWS, RATIO)).tolist() == [7]
    assert scaled.row[7] == 33


@pytest.mark.parametrize(("columns", "near"), [(4, None), (15, None), (16, 1)])
@pytest.mark.usefixtures("brief")
def test_rows_of_few_columns_are_not_called_near_duplicates(columns: int, near: int | None) -> None:
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    x, y = random.standard_normal((300, columns)), np.arange(300) % C
    x[250] = x[33] * 1.001
    problem = Problem("table", Split(x[:200], y[:200]), Split(x[200:], y[200:]), ("a", "b", "c"))
    model = LogisticRegression().fit(problem.train.x, problem.train.y)
    audit = gengap.audit(model, data=problem, quick=True)
    found = audit.parts["near_duplicates"]
    assert found.values["near"] == near
    assert any(row["counted"] for row in found.values["pairs"]) == (near is not None)
    assert ("nearly equal" in found.sentence) == (near is not None)
    assert any("nearly equal a training example" in step for step in audit.next_steps) == (near is not None)


@pytest.mark.usefixtures("brief")
def test_a_noisy_copy_of_an_image_is_the_one_near_duplicate() -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (200, 1, 16, 16)).astype(np.uint8)
    noisy = np.clip(0.8 * x[:1] + 20 + random.normal(0, 8, x[:1].shape), 0, 255).astype(np.uint8)
    y = np.arange(200) % C
    problem = Problem(
        "images", Split(x[:150], y[:150]), Split(np.concatenate([noisy, x[150:]]), y[149:]), ("a", "b", "c")
    )
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, C))
    found = gengap.audit(network, data=problem, quick=True).parts["near_duplicates"]
    assert found.values["near"] == 1
    assert (found.values["pairs"][0]["test"], found.values["pairs"][0]["training"]) == (0, 0)
    assert [row["counted"] for row in found.values["pairs"]] == [True] + 23 * [False]
    assert len(found.blocks()) == 4
    assert found.status == "ok"


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("times", [2, 3, 12])
def test_an_example_that_stands_often_in_both_splits_is_found_and_counted(times: int) -> None:
    """A noisy test copy of a training image that stands several times, and equal copies of another in both splits."""
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (200, 1, 16, 16)).astype(np.uint8)
    noisy = np.clip(x[:1] + random.normal(0, 8, x[:1].shape), 0, 255).astype(np.uint8)
    train = np.concatenate([x[:150], *[x[:2]] * (times - 1)])
    test = np.concatenate([noisy, x[150:], *[x[1:2]] * times, x[199:]])
    labels = [np.arange(len(part)) % C for part in (train, test)]
    problem = Problem("images", Split(train, labels[0]), Split(test, labels[1]), ("a", "b", "c"))
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, C))
    found = gengap.audit(network, data=problem, quick=True)
    values = found.parts["near_duplicates"].values
    assert (values["equal"], values["near"]) == (times, 1)
    assert values["repeats"] == {"training": 2 * (times - 1), "test": 1}
    assert (values["pairs"][0]["test"], values["pairs"][0]["training"]) == (0, 0)
    assert found.subject["n_test"] == 52


def fit_forest(problem: Problem, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(10, random_state=seed, bootstrap=False).fit(problem.train.x, problem.train.y)


@pytest.mark.usefixtures("brief")
def test_the_recipe_runs_on_random_labels_and_its_time_costs_no_other_part(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(part.time, "perf_counter", lambda: clock[0])

    def slow_fit(problem: Problem, seed: int) -> Any:
        clock[0] += 1_000
        return fit_forest(problem, seed)

    problem = blobs()
    found = gengap.audit(fitted(problem), data=problem, quick=True, randomize=slow_fit, folds=2, train=slow_fit)
    capacity = found.parts["capacity"]
    assert capacity.status == "ok"
    assert capacity.values["verdict"] == "memorises"
    assert capacity.seconds >= 2_000
    assert (
        found.parts["near_duplicates"].reason == "rows of 6 columns lie close together by chance, and are not counted"
    )


@pytest.mark.usefixtures("brief")
def test_a_training_that_fails_leaves_the_other_parts() -> None:
    def broken(problem: Problem, seed: int) -> Any:
        raise ValueError("no such column")

    found = gengap.audit(fitted(blobs()), data=blobs(), quick=True, randomize=broken)
    assert found.parts["capacity"].status == "failed"
    assert "no such column" in found.parts["capacity"].reason
    assert found.verdict == "learned"


def test_large_data_are_sampled_which_the_verdict_says_and_long_searches_are_left_out() -> None:
    problem = blobs()
    subject = audit_subject(
        fitted(problem),
        "net",
        problem,
        Budget(240.0),
        weights=None,
        output=None,
        expect_accuracy=None,
        allow_overlap=False,
        seed=0,
        device="cpu",
    )
    assert share_of(subject).drawn_from is None
    sampled = replace(subject, train=replace(subject.trained(), of=50 * N_TRAIN))
    assert share_of(sampled).drawn_from == 50 * N_TRAIN
    assert share_of(sampled).low < share_of(subject).low
    subject = replace(subject, seconds_each=1.0)
    found, rows = measures_part(subject, Budget(240.0), quick=False, full=False)
    assert "would take too long" in found.reason
    assert "sharpness_orig" not in set(rows["name"])
    assert "path_norm" in set(rows["name"])
