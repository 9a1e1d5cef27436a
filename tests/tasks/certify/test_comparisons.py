"""Comparisons of graded scores, clusters and several models; their plans; what an answer is written to."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from gengap import bounds
from gengap.errors import InputError
from gengap.tasks.certify import certify
from gengap.tasks.certify.compare import BETTING, MCNEMAR, compare
from gengap.tasks.certify.evaluation import Evaluation
from gengap.tasks.certify.outputs import write_answer
from gengap.tasks.certify.plan import plan_comparison, plan_comparison_by_pilot
from gengap.tasks.certify.ranking import Ranking, compare_evaluations


def evaluation(losses, model: str = "m", **fields) -> Evaluation:
    losses = np.asarray(losses, dtype=float)
    zero_one = bool(np.all((losses == 0) | (losses == 1)))
    return Evaluation(f"{model}.csv", model, "error rate", losses, zero_one=zero_one, **fields)


def clustered(rng, clusters: int, size: int, shift: float = 0.0):
    """Losses of two models whose questions share their difficulty in clusters; B is worse by ``shift``."""
    easy = np.repeat(rng.beta(0.5, 0.5, clusters), size)
    a, b = (rng.random(easy.size) < easy), (rng.random(easy.size) < np.clip(easy + shift, 0, 1))
    return a.astype(float), b.astype(float), np.repeat(np.arange(clusters), size)


def test_clusters_are_the_units_of_a_comparison() -> None:
    """Equal models whose advantage is that of a cluster: single questions decide far too often, clusters do not."""
    rng, wrong, naive = np.random.default_rng(0), 0, 0
    for _ in range(60):
        lean = np.repeat(rng.random(10), 20)  # in each cluster one model is the better one, at random
        a, b = (rng.random(200) < lean).astype(int), (rng.random(200) < 1 - lean).astype(int)
        groups = np.repeat(np.arange(10), 20)
        wrong += compare(np.zeros(200, int), a, b, clusters=groups).verdict != "cannot tell"
        naive += compare(np.zeros(200, int), a, b).verdict != "cannot tell"
    assert binom.sf(wrong - 1, 60, 0.05) > 1e-3
    assert naive > 20


def test_a_difference_between_clusters_is_found() -> None:
    a, b, groups = clustered(np.random.default_rng(1), 80, 10, 0.2)
    found = compare(np.zeros(800, int), a.astype(int), b.astype(int), clusters=groups, order_seed=0)
    assert (found.verdict, found.test, found.n, found.unit) == ("ship A", BETTING, 80, "group")
    assert found.interval[0] < found.difference < found.interval[1] < 0
    assert found.p_value is None
    halves = bounds.group_means((1 + a - b) / 2, groups)
    assert found.difference == pytest.approx(2 * halves.mean() - 1)


def test_the_verdict_of_graded_losses_is_that_of_the_interval_and_turns_round() -> None:
    rng = np.random.default_rng(2)
    a = rng.beta(2, 5, 300)
    b = np.clip(a + rng.normal(0.1, 0.1, 300), 0, 1)
    one = compare_evaluations([evaluation(a, "a"), evaluation(b, "b")], order_seed=3)
    assert (one.verdict, one.order_seed) == ("ship A", 3)
    other = compare_evaluations([evaluation(b, "b"), evaluation(a, "a")], order_seed=3)
    assert other.verdict == "ship B"
    assert other.difference == pytest.approx(-one.difference)


def test_identical_predictions_are_named() -> None:
    found = compare([0, 1, 0], [0, 1, 1], [0, 1, 1])
    assert "same questions" in found.notes[0]
    assert (found.test, found.verdict) == (MCNEMAR, "cannot tell")


def test_more_than_two_models_are_ranked_with_ties_for_all_pairs_at_once() -> None:
    rng = np.random.default_rng(4)
    losses = {"good": 0.05, "alike": 0.06, "bad": 0.5}
    made = [evaluation((rng.random(400) < rate).astype(float), name) for name, rate in losses.items()]
    ranking = compare_evaluations(made)
    assert isinstance(ranking, Ranking)
    assert (ranking.ranks, ranking.models[2], len(ranking.pairs)) == ([1, 1, 3], "bad", 3)
    assert all(pair.pairs == 3 for pair in ranking.pairs)
    alone = bounds.paired_difference(ranking.pairs[0].a_only, ranking.pairs[0].b_only, 400, 0.05 / 3)
    assert ranking.pairs[0].interval == (float(alone.lower), float(alone.upper))
    assert "cannot be told apart" in ranking.sentence
    json.dumps(ranking.to_json(), allow_nan=False)
    assert compare_evaluations(made, tried=20).pairs[0].pairs == 190
    with pytest.raises(InputError, match="3 models are compared"):
        compare_evaluations(made, tried=2)
    with pytest.raises(InputError, match="two models"):
        compare_evaluations(made[:1])


def test_questions_are_paired_by_their_names() -> None:
    items = np.array(["x", "y", "z"])
    one, other = evaluation([0, 1, 1], items=items), evaluation([1, 1, 0], items=items[[2, 1, 0]])
    assert compare_evaluations([one, other]).a_only == 0
    with pytest.raises(InputError, match="does not hold 1 of the questions"):
        compare_evaluations([one, evaluation([1, 1, 0], items=np.array(["x", "y", "w"]))])


def test_a_cluster_column_needs_a_value_for_each_question() -> None:
    columns = {"doc": np.array(["a", None, "b"], dtype=object)}
    with pytest.raises(InputError, match=r"doc is missing .* for 1 of 3"):
        compare_evaluations([evaluation([0, 1, 1], columns=columns), evaluation([0, 0, 1])], clusters="doc")
    with pytest.raises(InputError, match="did you mean 'doc'"):
        compare_evaluations([evaluation([0, 1, 1], columns=columns), evaluation([0, 0, 1])], clusters="dok")


def test_plans_of_comparisons() -> None:
    planned = plan_comparison(0.1, 0.1)
    assert (planned.n, planned.questions, planned.unit) == (78, 78, "example")
    assert planned.power == bounds.paired_power(78, 0.1, 0.0)
    assert plan_comparison(0.1, 0.1, tried=10).n > 78
    assert plan_comparison(1e-9, 0.5).n is None
    with pytest.raises(InputError, match="from its size"):
        plan_comparison(0.2, 0.1)
    a, b = evaluation(np.repeat([1.0, 0.0], [10, 90])), evaluation(np.zeros(100))
    assert plan_comparison_by_pilot(a, b).n == 78
    with pytest.raises(InputError, match="no difference"):
        plan_comparison_by_pilot(a, a)


def test_a_plan_by_a_pilot_in_clusters_names_clusters() -> None:
    groups = {"doc": np.repeat(np.arange(20), 5)}
    rng = np.random.default_rng(0)
    a = evaluation((rng.random(100) < 0.7).astype(float), columns=groups)
    b = evaluation((rng.random(100) < 0.1).astype(float))
    planned = plan_comparison_by_pilot(a, b, clusters="doc")
    assert planned.unit == "group"
    assert planned.questions == 5 * planned.n
    assert 8 <= planned.n <= 40
    assert planned.power >= 0.8


@pytest.mark.parametrize("name", ["a.html", "a.json", "a.csv", "a.md", "a.png", "folder"])
def test_the_suffix_chooses_the_form(tmp_path, name: str) -> None:
    found = compare([0] * 20, [0] * 20, [1] * 10 + [0] * 10)
    written = write_answer(found, tmp_path / name)
    assert written.exists()
    if name == "a.json":
        assert json.loads(written.read_text())["verdict"] == "ship A"
    elif name == "a.csv":
        assert pd.read_csv(written)["verdict"].tolist() == ["ship A"]
    elif name == "a.md":
        assert written.read_text().startswith(f"**{found.sentence}**")
    elif name == "a.png":
        assert written.read_bytes().startswith(b"\x89PNG")
    else:
        assert "Which model to ship" in written.read_text()


def test_other_suffixes_and_answers_without_a_picture_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="unknown form"):
        write_answer(certify(errors=1, n=10), tmp_path / "a.docx")
    with pytest.raises(InputError, match="no picture"):
        write_answer(plan_comparison(0.1, 0.1), tmp_path / "a.png")
