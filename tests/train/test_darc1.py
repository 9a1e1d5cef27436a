"""DARC1: the step with its term is that of torch.optim, replicas agree, and scores shrink."""

import pytest
import torch
from torch import nn

from gengap import load
from gengap.errors import InputError
from gengap.network.inputs import class_scores
from gengap.train import Execution, Recipe, train, train_replicas
from gengap.train.replicas import Replicas
from gengap.train.scores import darc1_term

EXECUTION = Execution("cpu", "float64", "contiguous")
RECIPE = Recipe(learning_rate=0.05, decay=1.0, epochs=4, batch_size=50, darc1=0.1)


def test_a_step_is_that_of_the_loss_and_its_term() -> None:
    problem = load("digits").take(40, 10)
    replicas = Replicas.initialise(problem, RECIPE, [3], EXECUTION)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 10)).double()
    weights = list(replicas.weights(0).values())
    for parameter, weight in zip(model.parameters(), weights, strict=True):
        parameter.data.copy_(weight)
    x, y = torch.randn(30, 1, 8, 8, dtype=torch.float64), torch.arange(30) % 10
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scores = model(x)
    sizes = scores.detach().abs().mean(0)
    largest = max(float(size) for size in sizes)
    assert float(darc1_term(scores.detach())) == pytest.approx(largest)
    (nn.functional.cross_entropy(scores, y) + 0.1 * darc1_term(scores)).backward()
    optimiser.step()
    replicas.step(x[None], y[None], torch.tensor([0.05], dtype=torch.float64))
    for parameter, weight in zip(model.parameters(), replicas.weights(0).values(), strict=True):
        torch.testing.assert_close(parameter.data, weight)


def test_replicas_are_what_each_is_alone() -> None:
    problem = load("digits").take(100, 20)
    together = train_replicas([(problem, RECIPE, seed) for seed in (0, 1)], execution=EXECUTION)
    alone = train(problem, RECIPE, 1, execution=EXECUTION)
    for name, value in alone.weights.items():
        torch.testing.assert_close(together[1].weights[name], value)


def test_scores_are_smaller_with_it_and_measured_losses_are_without_it() -> None:
    problem = load("digits").take(200, 20)
    runs = {
        darc1: train(problem, RECIPE.model_copy(update={"darc1": darc1}), execution=EXECUTION) for darc1 in (0.0, 1.0)
    }
    scores = {darc1: torch.tensor(class_scores(run.model(), problem, problem.train.x)) for darc1, run in runs.items()}
    assert float(darc1_term(scores[1.0])) < 0.5 * float(darc1_term(scores[0.0]))
    loss = nn.functional.cross_entropy(scores[1.0], torch.tensor(problem.train.y))
    assert runs[1.0].history[-1]["train_loss"] == pytest.approx(float(loss), rel=1e-6)


def test_the_term_of_all_training_examples_is_recorded_where_they_are_evaluated() -> None:
    problem = load("digits").take(600, 20)  # more than one batch of evaluation
    recipe = RECIPE.model_copy(update={"evaluate_every": 3})
    runs = train_replicas([(problem, recipe, seed) for seed in (0, 1)], execution=EXECUTION)
    for run in runs:
        scores = torch.tensor(class_scores(run.model(), problem, problem.train.x))
        assert run.history[-1]["darc1_term"] == pytest.approx(float(darc1_term(scores)), rel=1e-6)
        assert [record["darc1_term"] is None for record in run.history] == [True, True, False, False]
    assert runs[0].history[-1]["darc1_term"] != runs[1].history[-1]["darc1_term"]
    plain = train(problem, recipe.model_copy(update={"darc1": 0.0, "epochs": 1}), execution=EXECUTION)
    assert "darc1_term" not in plain.history[0]


def test_a_recipe_without_it_has_the_hash_that_it_had() -> None:
    assert Recipe().hash == Recipe(darc1=0).hash != Recipe(darc1=0.1).hash
    with pytest.raises(InputError, match="winsorize"):
        Recipe.parse({"darc1": 0.1, "winsorize": 2})
