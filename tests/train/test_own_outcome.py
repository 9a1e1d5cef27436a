"""What a training of one's own may return, and what becomes of it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from gengap.data import Preprocessing, Problem, Split, load, preprocessed
from gengap.errors import InputError
from gengap.train import outcome


@pytest.fixture(scope="module")
def problem() -> Problem:
    return preprocessed(load("digits").take(30, 20))


class Constant:
    """Answers one class."""

    def __repr__(self) -> str:
        """Without an address: tests are named by it, and their names are the same in every process."""
        return "Constant"

    def __init__(self, answer: Any = 3) -> None:
        self.answer = answer

    def predict(self, x: Any) -> Any:
        assert x.shape[1:] == (1, 8, 8)
        return [self.answer] * len(x)


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10))


def test_a_network_is_measured_in_evaluation_mode_on_what_the_training_was_given(problem: Problem) -> None:
    network = _network()
    row = outcome(network.train(), problem)
    logits = network.eval()(torch.from_numpy(problem.test.x.copy())).double()
    y = torch.from_numpy(problem.test.y.copy())
    assert row["test_loss"] == pytest.approx(nn.functional.cross_entropy(logits, y).item(), rel=1e-6)
    assert row["test_accuracy"] == float((logits.argmax(1) == y).double().mean())
    assert row["parameters"] == 650
    assert row["not_known"].keys() == {"epochs", "epochs_to_fit", "best_test_accuracy"}


def test_inputs_are_handed_over_as_a_network_sees_them() -> None:
    raw = load("digits").take(30, 20)
    given = preprocessed(raw)
    assert given.preprocessing == Preprocessing()
    assert np.allclose(given.train.x.mean((1, 2, 3)), 0, atol=1e-6)  # whitened
    assert preprocessed(given) is given
    assert given.hash != raw.hash


@pytest.mark.parametrize(
    "returned",
    [
        lambda p: Constant(),
        lambda p: Constant(3.0),
        lambda p: Constant(np.float32(3)),
        lambda p: Constant("3"),
        lambda p: Constant(list(np.eye(10)[3])),
        lambda p: (np.full(30, 3), torch.full((20,), 3)),
        lambda p: [np.full((30, 1), 3), np.tile(np.eye(10)[3], (20, 1)), []],
        lambda p: {"train": [3] * 30, "test": [b"3"] * 20},
        lambda p: {"model": Constant(), "history": [{"train_accuracy": float((p.train.y == 3).mean())}]},
    ],
    ids=["labels", "floats", "numpy", "names", "scores", "pair", "with history", "mapping", "model in mapping"],
)
def test_every_form_of_one_answer_gives_its_accuracies(returned: Any, problem: Problem) -> None:
    row = outcome(returned(problem), problem)
    assert row["train_accuracy"] == float((problem.train.y == 3).mean())
    assert row["test_accuracy"] == float((problem.test.y == 3).mean())
    assert row["predictions"] == outcome(Constant(), problem)["predictions"]
    assert row["train_loss"] is None
    assert "train_loss" in row["not_known"]


@pytest.mark.parametrize(
    "history",
    [
        [{"loss": 2.0, "accuracy": 0.5, "test_accuracy": 0.4}, {"loss": 1.0, "accuracy": 0.995, "test_accuracy": 0.3}],
        {"loss": [2.0, 1.0], "accuracy": np.array([0.5, 0.995]), "test_accuracy": [0.4, 0.3]},
        pd.DataFrame({"loss": [2.0, 1.0], "train_accuracy": [0.5, 0.995], "test_accuracy": [0.4, 0.3]}),
    ],
    ids=["records", "columns", "frame"],
)
def test_a_history_fills_in_what_a_training_does_not_tell_by_itself(history: Any, problem: Problem) -> None:
    row = outcome((problem.train.y, problem.test.y, history), problem)
    assert (row["epochs"], row["epochs_to_fit"], row["best_test_accuracy"], row["best_epoch"]) == (2, 2, 0.4, 1)
    assert [record["train_loss"] for record in row["history"]] == [2.0, 1.0]
    assert row["warning"] == ""


def test_a_history_that_ends_elsewhere_than_what_was_returned_is_a_warning(problem: Problem) -> None:
    row = outcome((Constant(), [{"epoch": 7, "train_accuracy": 0.98}]), problem)
    assert row["epochs"] == 7
    assert "98.00%" in row["warning"]
    assert row["not_known"]["best_test_accuracy"] == "the history of the training has no test_accuracy"


def test_scores_that_are_not_finite_are_a_divergence(problem: Problem) -> None:
    network = _network()
    nn.init.constant_(network[2].weight, float("nan"))
    row = outcome(network, problem)
    assert (row["status"], row["train_accuracy"], row["train_loss"]) == ("diverged", None, None)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "returned nothing"),
        (7, "returned int 7"),
        (Constant, "returned type"),
        ((Constant(), Constant()), "history is or holds"),
        (nn.Linear(64, 10), "cannot take a batch"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), r"shape \(30, 4\)"),
        (Constant(10), "hold 10"),
        (Constant(0.5), "hold 0.5"),
        (Constant("eleven"), "hold 'eleven'"),
        (Constant([0.5, 0.5]), r"have shape \(30, 2\)"),
        (([1] * 20, [1] * 30), r"train split have shape \(20,\)"),
        ((Constant(), [{"train_accuracy": 98.0}]), "train_accuracy of 98"),
        ((Constant(), [{"train_accuracy": "high"}]), "high"),
        ((Constant(), {"a": [1], "b": [1, 2]}), "history is or holds"),
    ],
    ids=str,
)
def test_what_is_not_usable_is_refused(returned: Any, message: str, problem: Problem) -> None:
    with pytest.raises(InputError, match=message):
        outcome(returned, problem)


def test_a_class_that_a_model_never_saw_has_probability_zero(problem: Problem) -> None:
    from sklearn.linear_model import LogisticRegression

    seen = problem.train.y < 9
    few = Problem("few", Split(problem.train.x[seen], problem.train.y[seen]), problem.test, problem.classes)
    model = LogisticRegression(max_iter=20).fit(few.train.x.reshape(len(few.train), -1), few.train.y)
    row = outcome(model, few)
    assert row["train_loss"] > 0
    assert row["test_loss"] is None
    assert "probability of 0" in row["not_known"]["test_loss"]
