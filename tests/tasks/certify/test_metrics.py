"""Metrics beyond an error rate: their constructions, their words, and what has none."""

import json

import numpy as np
import pandas as pd
import pytest

import gengap
from gengap import bounds
from gengap.cli import main
from gengap.errors import InputError
from gengap.tasks.certify.files import read_predictions
from gengap.tasks.certify.metrics import certify_metric

Y = np.array([0] * 60 + [1] * 30 + [2] * 10)
P = np.concatenate([[0] * 55 + [1] * 5, [1] * 28 + [2] * 2, [2] * 6 + [0] * 4])


def test_recall_and_precision_hold_for_all_classes_at_once() -> None:
    recall = certify_metric("recall", Y, P, tried=2)
    assert [row["hits"] for row in recall.rows] == [55, 28, 6]
    assert [row["lower"] for row in recall.rows] == [
        float(bounds.share_lower(k, n, 2, 0.05 / 3)) for k, n in ((55, 60), (28, 30), (6, 10))
    ]
    assert recall.lower == recall.rows[2]["lower"]
    assert recall.kind == "exact"
    assert "recall of every class is at least" in recall.sentence
    precision = certify_metric("precision", Y, P)
    assert [(row["hits"], row["of"]) for row in precision.rows] == [(55, 59), (28, 33), (6, 8)]


def test_balanced_accuracy_and_macro_f1_are_means_of_simultaneous_bounds() -> None:
    balanced = certify_metric("balanced-accuracy", Y, P)
    assert balanced.seen == pytest.approx((55 / 60 + 28 / 30 + 6 / 10) / 3)
    assert balanced.lower == pytest.approx(np.mean([row["lower"] for row in certify_metric("recall", Y, P).rows]))
    assert balanced.kind == "conservative"
    macro = certify_metric("macro-f1", Y, P)
    assert macro.lower < macro.seen
    assert macro.rows[0]["lower"] == float(bounds.f1_lower(55, 4, 5, 1, 0.05 / 3))


def test_f1_accuracy_and_auc() -> None:
    f1 = certify_metric("f1", Y == 1, P == 1)
    assert (f1.seen, f1.metric) == (pytest.approx(56 / 63), "F1 of class True")
    assert f1.lower == float(bounds.f1_lower(28, 5, 2))
    accuracy = certify_metric("accuracy", Y, P)
    assert accuracy.lower == pytest.approx(1 - gengap.certify(y_true=Y, y_pred=P).upper)
    scores = np.arange(100) / 100
    ranked = certify_metric("auc", (Y > 0).astype(int), scores)
    assert (ranked.seen, ranked.kind) == (1.0, "conservative")
    assert ranked.lower == float(bounds.auc_lower(1.0, 40, 60))
    json.dumps(ranked.to_json(), allow_nan=False)


def test_classes_without_an_example_are_known_to_be_unknown() -> None:
    made = certify_metric("precision", [0, 0, 1], [0, 0, 0])
    assert [row["remarks"] for row in made.rows] == ["", "never predicted"]
    assert made.lower == 0


def test_a_model_that_never_says_yes_does_not_hide_behind_an_error_rate() -> None:
    labels = np.repeat([0, 1], [974, 26])
    certificate = gengap.certify(y_true=labels, y_pred=np.zeros(1000, int))
    assert certificate.upper < 0.037
    assert certificate.recalls[1]["lower"] == 0
    assert "Recall of class 1, the worst of 2: at least 0 % (seen: 0 of 26)" in " ".join(certificate.notes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("recal", Y, P), "did you mean 'recall'"),
        (("f1", Y, P), "There are 3 classes"),
        (("auc", Y > 5, P), "both classes"),
        (("auc", Y, np.array(["a"] * 100)), "numbers"),
        (("recall", Y, P[:5]), "5"),
        (("recall", [0.5, 1.5], [0, 1]), "real numbers"),
    ],
)
def test_refuses(arguments, message: str) -> None:
    with pytest.raises(InputError, match=message):
        certify_metric(*arguments)
    with pytest.raises(InputError, match="No example is of the class"):
        certify_metric("f1", Y, P, positive="cat")


def command(capsys, *arguments, status: int = 0):
    with pytest.raises(SystemExit) as stopped:
        main(["certify", *map(str, arguments)])
    captured = capsys.readouterr()
    assert stopped.value.code == status, captured.err
    return json.loads(captured.out) if status == 0 else captured.err


def test_the_command_certifies_metrics_and_refuses_them_for_clusters(capsys, tmp_path) -> None:
    file = tmp_path / "a.csv"
    pd.DataFrame({"y_true": Y, "y_pred": P, "doc": np.arange(100) // 5}).to_csv(file, index=False)
    assert command(capsys, "--predictions", file, "--metric", "macro-f1", "--json")["metric"] == "macro F1"
    told = command(capsys, "--predictions", file, "--metric", "recall", "--clusters", "doc", status=2)
    assert "No bound on recall is known for examples that depend on each other" in told
    pd.DataFrame({"y_true": Y > 0, "p_False": 1 - P / 2, "p_True": P / 2}).to_csv(file, index=False)
    assert command(capsys, "--predictions", file, "--metric", "auc", "--json")["seen"] == pytest.approx(
        bounds.auc(P[Y > 0], P[Y == 0])
    )


def test_errors_of_numbers_are_certified_in_their_unit(capsys, tmp_path) -> None:
    file = tmp_path / "a.csv"
    rng = np.random.default_rng(0)
    y = rng.normal(20, 5, 200)
    pd.DataFrame({"y_true": y, "y_pred": y + rng.uniform(-2, 2, 200)}).to_csv(file, index=False)
    made = command(capsys, "--predictions", file, "--loss", "absolute", "--loss-bound", 10, "--json")
    assert (made["headline"], made["loss_bound"], made["remarks"]) == ("betting", 10, [])
    assert made["empirical_risk"] == pytest.approx(1, abs=0.2)
    assert made["empirical_risk"] < made["upper"] < 2
    assert "needs --loss-bound" in command(capsys, "--predictions", file, "--loss", "absolute", status=2)
    assert "Unknown loss" in command(capsys, "--predictions", file, "--loss", "hinge", status=2)
    assert "real numbers" in command(capsys, "--predictions", file, status=2)
    told = command(capsys, "--predictions", file, "--loss", "squared", "--loss-bound", 0.1, status=2)
    assert "more than loss_bound" in told


def test_top_k_from_lists_and_from_probabilities(tmp_path) -> None:
    lists = pd.DataFrame({"y_true": [0, 1, 2], "y_pred": [[0, 1], [2, 1], [1, 0]]})
    lists.to_parquet(tmp_path / "a.parquet")
    read = read_predictions(tmp_path / "a.parquet")
    assert read.evaluation("top-2").losses.tolist() == [0, 0, 1]
    assert read.evaluation("top-1").losses.tolist() == read.evaluation().losses.tolist() == [0, 1, 1]
    pd.DataFrame(
        {"y_true": [0, 1, 2], "p_0": [0.6, 0.4, 0.5], "p_1": [0.3, 0.2, 0.25], "p_2": [0.1, 0.4, 0.25]}
    ).to_csv(tmp_path / "p.csv", index=False)
    read = read_predictions(tmp_path / "p.csv")
    assert read.evaluation("top-2").losses.tolist() == [0, 1, 1]  # of equal probabilities the label's is the last
    with pytest.raises(InputError, match="always right"):
        read.evaluation("top-4")
