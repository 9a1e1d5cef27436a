"""Logs of inspect_ai and lm-evaluation-harness as they write them, JSON lines and tables of scores."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gengap.errors import InputError
from gengap.tasks.certify.certificate import certify_evaluation
from gengap.tasks.certify.logs import read_log
from gengap.tasks.certify.ranking import compare_files

FIXTURES = Path(__file__).parent / "fixtures"
HARNESS = FIXTURES / "harness"
TIME = "2026-11-29T00-00-00.000000"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def one(path: Path, **options):
    (evaluation,) = read_log(path, **options)
    return evaluation


class TestInspect:
    """Read by its own reader, where it is installed."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("inspect_ai", reason="reads .eval and .json")

    def test_each_metric_is_kept_apart_and_chosen_by_name(self) -> None:
        with pytest.raises(InputError, match="3 metrics: match, parts/fluent, parts/true"):
            read_log(FIXTURES / "graded.json")
        samples = json.loads((FIXTURES / "graded.json").read_text())["samples"]
        match = one(FIXTURES / "graded.json", metric="match")
        assert match.losses.tolist() == [float(s["scores"]["match"]["value"] == "I") for s in samples]
        assert (match.zero_one, match.is_score, match.model) == (True, True, "mockllm/model")
        assert "give --clusters patient" in match.remarks[0]
        fluent = one(FIXTURES / "graded.json", metric="parts/fluent")
        assert fluent.losses.tolist() == [1 - s["scores"]["parts"]["value"]["fluent"] for s in samples]
        assert not fluent.zero_one

    def test_epochs_are_averaged_and_metadata_name_clusters(self) -> None:
        evaluation = one(FIXTURES / "epochs.eval")
        assert (evaluation.losses.size, evaluation.zero_one) == (12, False)
        assert "36 rows are 12 questions, 3 times each" in evaluation.remarks[0]
        certificate = certify_evaluation(evaluation, clusters="patient")
        assert (certificate.n, certificate.unit, certificate.clusters) == (4, "group", "patient")
        assert "averaged over patients, is at least" in certificate.sentence

    def test_without_samples_the_reductions_are_graded(self) -> None:
        evaluation = one(FIXTURES / "reductions.json")
        assert evaluation.losses.size == 12
        assert not evaluation.zero_one
        assert "no samples" in evaluation.remarks[0]

    def test_a_failed_sample_is_no_right_one(self) -> None:
        with pytest.raises(InputError, match="match is missing for 1 of 12 rows"):
            read_log(FIXTURES / "failed.json")
        evaluation = one(FIXTURES / "failed.json", missing="wrong")
        assert evaluation.losses[list(evaluation.items).index("3")] == 1
        assert "1 questions without a score count as wrong." in evaluation.remarks

    @pytest.mark.parametrize(
        ("name", "message"), [("stopped.json", "status error"), ("unscored.json", "holds no scores")]
    )
    def test_refuses_runs_that_are_no_sample(self, name: str, message: str) -> None:
        with pytest.raises(InputError, match=message):
            read_log(FIXTURES / name)

    def test_refuses_what_is_no_log(self, tmp_path) -> None:
        (tmp_path / "a.json").write_text('{"a": 1}')
        (tmp_path / "a.eval").write_text("no zip")
        for name in ("a.json", "a.eval"):
            with pytest.raises(InputError, match="no log of inspect_ai"):
                read_log(tmp_path / name)


def test_inspect_that_is_not_installed_is_named(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "inspect_ai.log", None)
    with pytest.raises(InputError, match=r'pip install "gengap\[inspect\]"'):
        read_log(FIXTURES / "graded.json")


def test_the_harness_keeps_metrics_filters_and_documents_apart() -> None:
    choice = HARNESS / f"samples_sums_choice_{TIME}.jsonl"
    evaluation = one(choice)
    assert evaluation.losses.tolist() == [1 - row["acc"] for row in lines(choice)]
    assert (evaluation.model, evaluation.metric, evaluation.zero_one) == ("dummy", "acc", True)
    assert list(evaluation.columns["topic"][:5]) == ["t0", "t0", "t0", "t0", "t1"]
    free = HARNESS / f"samples_sums_free_{TIME}.jsonl"
    with pytest.raises(InputError, match="2 metrics: exact_match,strict, exact_match,loose"):
        read_log(free)
    assert one(free, metric="exact_match,loose").losses.size == 12


def test_the_harness_refuses_metrics_of_a_corpus_repeated_documents_and_mixed_tasks(tmp_path) -> None:
    with pytest.raises(InputError, match="word_perplexity is a metric of the whole corpus"):
        read_log(HARNESS / f"samples_sums_corpus_{TIME}.jsonl")
    with pytest.raises(InputError, match="holds 3 samples files"):
        read_log(HARNESS)
    row = {"doc_id": 1, "metrics": ["acc"], "acc": 1.0, "filter": "none"}
    (tmp_path / "samples_a.jsonl").write_text(f"{json.dumps(row)}\n" * 2)
    with pytest.raises(InputError, match="the document 1 twice"):
        read_log(tmp_path / "samples_a.jsonl")
    (tmp_path / "b.jsonl").write_text("\n".join(json.dumps(row | {"doc_id": t, "task_name": t}) for t in "xy"))
    with pytest.raises(InputError, match="tasks x, y"):
        read_log(tmp_path / "b.jsonl")


def test_where_smaller_is_better_the_score_is_a_loss(tmp_path) -> None:
    row = {"metrics": ["err"], "filter": "none"}
    rows = [row | {"doc_id": i, "err": float(i == 0)} for i in range(4)]
    (tmp_path / "samples_t_2026-01-01T00-00-00.1.jsonl").write_text("\n".join(map(json.dumps, rows)))
    results = {"model_name": "m", "higher_is_better": {"t": {"err": False}}}
    (tmp_path / "results_2026-01-01T00-00-00.1.json").write_text(json.dumps(results))
    evaluation = one(tmp_path)
    assert (evaluation.losses.tolist(), evaluation.is_score, evaluation.model) == ([1, 0, 0, 0], False, "m")
    assert "true err is at most" in certify_evaluation(evaluation).sentence


TABLE = pd.DataFrame(
    {
        "model": np.repeat(["a", "b"], 8),
        "item": np.tile(np.repeat(np.arange(4), 2), 2),
        "run": np.tile([0, 1], 8),
        "score": [1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0],
    }
)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.jsonl"])
def test_long_tables_hold_models_items_and_runs(tmp_path, name: str) -> None:
    file = tmp_path / name
    writer = {"csv": "to_csv", "parquet": "to_parquet", "jsonl": "to_json"}[file.suffix[1:]]
    options = {"orient": "records", "lines": True} if name.endswith("jsonl") else {"index": False}
    getattr(TABLE, writer)(file, **options)
    a, b = read_log(file)
    assert (a.model, a.losses.tolist()) == ("a", [0, 0.5, 0, 1])
    assert (b.model, b.losses.tolist()) == ("b", [0, 1, 0.5, 1])
    assert one(file, model="b").losses.tolist() == b.losses.tolist()
    assert compare_files(file).names == ("a", "b")


def test_single_scores_that_are_right_or_wrong_give_an_exact_bound(tmp_path) -> None:
    TABLE.iloc[:8:2].to_csv(tmp_path / "t.csv", index=False)
    certificate = certify_evaluation(one(tmp_path / "t.csv"))
    assert (certificate.headline, certificate.errors, certificate.n) == ("clopper_pearson", 2, 4)
    assert "2 right of 4 examples" in certificate.sentence
    assert certificate.lower == 1 - certificate.upper
    assert certify_evaluation(one(tmp_path / "t.csv", graded=True)).headline == "betting"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,b\n1,2\n", {}, "no column score"),
        ("score\n1\nx\n", {}, "'x', which is no number"),
        ("score\n1\n\n0\n", {"model": "u"}, "holds no model 'u'"),
        ("item,score\na,1\nb,\n", {}, "missing for 1 of 2"),
        ("item,score\na,1\n,0\n", {}, "item is missing"),
        ("run,score\n1,1\n2,0\n", {}, "none that names the questions"),
        ("score\n7\n", {}, r"holds 7, outside \[0, 1\]"),
        ("score\n7\n", {"score_range": (5.0, 5.0)}, "score_range"),
        ("score\ninf\n", {}, "infinite"),
        ("item,metric,score\na,f,1\na,g,0\n", {}, "2 metrics in its column metric: f, g"),
        ("score\n1\n", {"metric": "acc"}, "no metric 'acc'"),
    ],
)
def test_refuses_tables_that_hold_no_scores(tmp_path, text: str, options, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_log(tmp_path / "t.csv", **options)


def test_scores_of_another_range_keep_their_unit(tmp_path) -> None:
    pd.DataFrame({"item": range(40), "score": np.arange(40) % 5 + 1}).to_csv(tmp_path / "t.csv", index=False)
    certificate = certify_evaluation(one(tmp_path / "t.csv", score_range=(1.0, 5.0)))
    assert certificate.loss_bound == 4
    assert certificate.empirical_risk == pytest.approx(2.0)
    assert certificate.lower == 5 - certificate.upper
    assert "(seen: 3 on 40 examples)" in certificate.sentence


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "line 1"), ("[1]\n", "no object"), ("\n", "no record"), ('{"a": 1}\n', "no column score")],
)
def test_refuses_lines_that_are_no_records(tmp_path, text: str, message: str) -> None:
    (tmp_path / "t.jsonl").write_text(text)
    with pytest.raises(InputError, match=message):
        read_log(tmp_path / "t.jsonl")


def test_refuses_files_of_no_known_kind(tmp_path) -> None:
    (tmp_path / "t.txt").write_text("score\n1\n")
    with pytest.raises(InputError, match="no log that can be read"):
        read_log(tmp_path / "t.txt")
    with pytest.raises(InputError, match="no file"):
        read_log(tmp_path / "absent.eval")
