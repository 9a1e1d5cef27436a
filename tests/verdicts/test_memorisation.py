"""The verdict of the randomization test by hand, its laws, and rows that cannot be judged."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from made_up_rows import cell, grid_rows, label_rows, rows_by_hand

from gengap.errors import InputError
from gengap.json_text import json_text
from gengap.store import STATUSES as STATUSES_OF_THE_STORE
from gengap.verdicts import label_bits, memorisation
from gengap.verdicts.memorisation import STATUSES


def test_summary_by_hand() -> None:
    summary = memorisation(rows_by_hand(), n_classes=8)
    assert summary["verdict"] == "memorises"
    assert summary["judged_level"] == 1.0
    assert summary["slowdown"] == 3.0
    assert summary["chance_accuracy"] == 0.125
    assert summary["true_labels"]["test_accuracy"] == 0.5
    assert summary["true_labels"]["test_accuracy_min"] == 0.25
    assert summary["random_labels"]["gap"] == 0.875
    assert summary["capacity_used"] == {
        "parameters_per_example": 3.0,
        "fitted_fraction": 1.0,
        "fitted_examples": 1000,
        "label_bits": 3000.0,
        "bits_per_parameter": 1.0,
        "reason": None,
    }
    assert summary["cells"] == {"done": 4}


def test_order_of_rows_does_not_matter() -> None:
    rows = grid_rows()
    shuffled = rows.sample(frac=1, random_state=1)
    assert json_text(memorisation(shuffled, 10)) == json_text(memorisation(rows, 10))


@pytest.mark.parametrize(
    ("accuracies", "verdict"), [([0.99, 1.0], "memorises"), ([0.9899, 1.0], "mixed"), ([0.9, 0.98], "not-memorised")]
)
def test_verdict_asks_every_seed_for_99_percent(accuracies: list[float], verdict: str) -> None:
    rows = rows_by_hand()
    rows.loc[rows["level"] == 1, "train_accuracy"] = accuracies
    assert memorisation(rows)["verdict"] == verdict


def test_diverged_counts_as_not_fitted_and_failed_as_nothing() -> None:
    rows = pd.DataFrame([cell("none", 0.0, 0), cell("labels", 1.0, 0), cell("labels", 1.0, 1, status="failed")])
    assert memorisation(rows)["verdict"] == "memorises"
    rows = pd.DataFrame([cell("none", 0.0, 0), cell("labels", 1.0, 0), cell("labels", 1.0, 1, status="diverged")])
    assert memorisation(rows)["verdict"] == "mixed"
    assert memorisation(rows)["random_labels"]["diverged"] == 1


def test_slowdown_needs_every_seed_to_fit() -> None:
    rows = rows_by_hand()
    rows["epochs_to_fit"] = [10, 20, 30, None]
    summary = memorisation(rows)
    assert summary["slowdown"] is None
    assert summary["slowdown_reason"] == "1 of 2 seeds fitted the corrupted data"


def test_random_labels_are_labels_at_level_one() -> None:
    rows = rows_by_hand()
    other = rows.assign(corruption=rows["corruption"].replace("labels", "random-labels"))
    assert memorisation(other, 8) == memorisation(rows, 8)


def test_partly_corrupted_labels_give_no_bits() -> None:
    used = memorisation(label_rows([0.0, 0.5]), 10)["capacity_used"]
    assert used["fitted_fraction"] > 0.99
    assert used["label_bits"] is None
    assert "wholly random" in used["reason"]


def test_mixed_models_are_refused() -> None:
    rows = label_rows([0.0, 1.0])
    rows["model"] = ["mlp-1x512", "alexnet-small"]
    with pytest.raises(InputError, match="of several"):
        memorisation(rows)


@pytest.mark.parametrize("rows", [grid_rows(), label_rows([0.5]), label_rows([0.0]), grid_rows().iloc[:0]])
def test_summary_is_json_without_nan(rows: pd.DataFrame) -> None:
    json.dumps(memorisation(rows, 10), allow_nan=False)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_label_bits_are_the_least_information_of_any_channel(n_classes: int) -> None:
    """Twin: the mutual information of the symmetric channel; law: no other channel with that error carries less."""
    rng = np.random.default_rng(0)
    off = ~np.eye(n_classes, dtype=bool)
    for error in (0.0, 0.01, 0.3, 1 - 1 / n_classes):
        channel = np.where(off, error / (n_classes - 1), 1 - error)
        assert math.isclose(information(channel), label_bits(error, n_classes), abs_tol=1e-12)
        for _ in range(20):
            wild = np.zeros((n_classes, n_classes))
            wild[off] = rng.dirichlet(np.ones(n_classes - 1), n_classes).ravel() * error
            assert information(wild + np.diag(np.full(n_classes, 1 - error))) >= label_bits(error, n_classes) - 1e-12


def information(channel: np.ndarray) -> float:
    """Mutual information in bits between a uniform input and the output of a channel."""
    joint = channel / len(channel)
    product = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    positive = joint > 0
    return float((joint[positive] * np.log2(joint[positive] / product[positive])).sum())


def test_rows_of_a_loop_elsewhere_need_only_level_and_training_accuracy() -> None:
    runs = [{"level": level, "train_accuracy": 1.0} for level in (0.0, 1.0)]
    summary = memorisation(runs)
    assert summary["verdict"] == "memorises"
    assert summary["slowdown_reason"] == "how many epochs a training took is not known"
    assert summary["true_labels"]["gap"] is None
    assert summary["capacity_used"]["fitted_fraction"] == 1.0
    assert summary["capacity_used"]["fitted_examples"] is None
    assert memorisation(pd.DataFrame(runs)) == summary


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "no level and no train_accuracy"),
        ([{"level": 1.0}], "no train_accuracy"),
        ([{"level": 1.0, "train_accuracy": 99.5}], "train accuracy is 99.5"),
        ([{"level": 100, "train_accuracy": 0.995}], "level is 100"),
        ([{"level": 1.0, "train_accuracy": "99.5%"}], "train accuracy is '99.5%'"),
        ([{"level": "full", "train_accuracy": 0.995}], "level is 'full'"),
        ([{"level": 1.0, "train_accuracy": math.nan}], "has no train accuracy"),
        ([{"level": None, "train_accuracy": 0.995}], "has no level"),
        ([{"level": 1.0, "train_accuracy": 0.995, "status": "completed"}], "status 'completed'"),
    ],
)
def test_rows_that_cannot_be_judged_are_refused(runs: list[dict[str, object]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        memorisation(runs)


def test_what_only_some_rows_say_is_the_default_in_the_others() -> None:
    runs = [
        {"level": 0.0, "train_accuracy": 1.0},
        {"level": 1.0, "train_accuracy": None, "status": "diverged", "seed": 1, "corruption": "labels"},
        {"level": 1.0, "train_accuracy": 0.995, "n_train": 100},
    ]
    summary = memorisation(runs)
    assert (summary["verdict"], summary["n_train"], summary["cells"]) == ("mixed", 100, {"done": 2, "diverged": 1})


def test_statuses_are_those_of_the_store() -> None:
    assert set(STATUSES) == set(STATUSES_OF_THE_STORE)


@pytest.mark.parametrize(
    ("on_true", "verdict"), [(0.6, "learned-nothing"), (0.63, "learned-nothing"), (0.8, "not-memorised")]
)
def test_a_network_that_learned_nothing_is_told_from_one_that_did_not_memorise(on_true: float, verdict: str) -> None:
    runs = [{"level": 0.0, "train_accuracy": on_true}, {"level": 1.0, "train_accuracy": 0.55}]
    rows = pd.DataFrame(runs).assign(n_train=1000)  # three standard errors of 0.6 are 0.046
    summary = memorisation(rows, 2, majority=0.6)
    assert summary["verdict"] == verdict
    if verdict == "learned-nothing":
        assert "always answering the most frequent class reaches 60.00%" in summary["verdict_reason"]
    assert memorisation(rows, 2)["verdict"] == "not-memorised"  # without the share nothing is known


def test_other_corruptions_of_labels_are_not_listed_under_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    from gengap.data.corruptions import registry

    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
    registry.label_corruption("skewed-labels", graded=True)(lambda n, n_classes, level, draw: None)
    runs = [
        {"corruption": "none", "level": 0.0, "train_accuracy": 1.0},
        {"corruption": "skewed-labels", "level": 0.5, "train_accuracy": 0.9},
        {"corruption": "skewed-labels", "level": 1.0, "train_accuracy": 0.8},
        {"corruption": "shuffled-pixels", "level": 1.0, "train_accuracy": 0.7},
    ]
    summary = memorisation(runs)
    assert {name: group["train_accuracy"] for name, group in summary["other_labels"].items()} == {
        "skewed labels, level 0.5": 0.9,
        "skewed labels": 0.8,
    }
    assert set(summary["pixels"]) == {"shuffled-pixels"}


def test_the_verdict_on_true_labels_is_that_of_the_share() -> None:
    from gengap.verdicts import learned_share

    run = {"level": 0.0, "train_accuracy": 1.0, "test_accuracy": 0.875, "n_train": 1000, "n_test": 500}
    both = [run, {**run, "seed": 1, "test_accuracy": 0.75}]
    found = memorisation(both, 10, 0.12)["learned"]
    assert found == learned_share(1.0, 0.8125, 0.12, n_train=1000, n_test=500).record()
    assert memorisation(both, 10)["learned"] is None
    assert memorisation([{**run, "test_accuracy": None}], 10, 0.12)["learned"] is None


def test_unknown_corruptions_are_named_where_nothing_can_be_judged() -> None:
    rows = [{"level": 0.0, "train_accuracy": 1.0}, {"level": 1.0, "train_accuracy": 1.0, "corruption": "random_labels"}]
    summary = memorisation(rows)
    assert summary["verdict"] == "undecided"
    assert "'random_labels'" in summary["verdict_reason"]
    assert "did you mean 'random-labels'?" in summary["verdict_reason"]
    assert "did you mean" not in memorisation(rows[:1])["verdict_reason"]
