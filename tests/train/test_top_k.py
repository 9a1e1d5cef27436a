"""Accuracy by the k largest scores: its definition, its laws, and where it is recorded."""

import numpy as np
import pytest
import torch

from gengap import load
from gengap.network.inputs import class_scores
from gengap.train import Execution, Recipe, train, train_replicas
from gengap.train.scores import top_hits

EXECUTION = Execution("cpu", "float64", "contiguous")
RECIPE = Recipe(model="mlp-1x16", learning_rate=0.05, epochs=3, batch_size=50, evaluate_every=2, top_k=3)


def twin(scores: np.ndarray, y: np.ndarray, k: int) -> int:
    """Sorts the classes of each example, the largest score and then the first class before the others."""
    orders = [sorted(range(len(row)), key=lambda c: (-row[c], c)) for row in scores]
    return sum(int(label) in order[:k] for order, label in zip(orders, y, strict=True))


@pytest.mark.parametrize("k", [1, 2, 5, 7, 9])
def test_hits_are_those_of_sorted_classes(k: int) -> None:
    rng = np.random.default_rng(k)
    scores, y = rng.integers(0, 4, (200, 7)).astype(float), rng.integers(0, 7, 200)  # with many ties
    hits = int(top_hits(torch.tensor(scores), torch.tensor(y), k))
    assert hits == twin(scores, y, k)
    if k == 1:
        assert hits == (scores.argmax(1) == y).sum()
    if k >= 7:
        assert hits == 200


def test_scores_that_are_no_numbers_are_no_hits() -> None:
    nan, inf = float("nan"), float("inf")
    scores = torch.tensor([[nan, nan, nan], [1.0, nan, 3.0], [1.0, nan, 3.0], [inf, -inf, 0.0]])
    hits = {0: (1, 1, 3), 1: (0, 0, 1), 2: (0, 3, 3)}  # of each label, for k = 1, 2, 3
    for label, expected in hits.items():
        assert tuple(int(top_hits(scores, torch.full((4,), label), k)) for k in (1, 2, 3)) == expected


def test_it_is_recorded_for_both_splits_where_they_are_evaluated() -> None:
    problem = load("digits").take(600, 100)  # more than one batch of evaluation
    runs = train_replicas([(problem, RECIPE, seed) for seed in (0, 1)], execution=EXECUTION)
    for run in runs:
        assert [record["test_top_3_accuracy"] is None for record in run.history] == [True, False, False]
        for name, split in (("train", problem.train), ("test", problem.test)):
            scores = class_scores(run.model(), problem, split.x)
            assert run.history[-1][f"{name}_top_3_accuracy"] == pytest.approx(twin(scores, split.y, 3) / len(split))


def test_nothing_else_depends_on_it() -> None:
    problem = load("digits").take(100, 50)
    plain = train(problem, RECIPE.model_copy(update={"top_k": 1}), execution=EXECUTION)
    both = train(problem, RECIPE, execution=EXECUTION)
    added = {"train_top_3_accuracy", "test_top_3_accuracy", "seconds"}
    for one, other in zip(plain.history, both.history, strict=True):
        assert set(other) - set(one) == added - {"seconds"}
        assert {k: v for k, v in other.items() if k not in added} == {k: v for k, v in one.items() if k != "seconds"}
    assert plain.recipe.hash == RECIPE.model_copy(update={"top_k": 1}).hash != RECIPE.hash
