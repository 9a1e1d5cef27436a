"""Two-phase training: phase one sees a part, phase two all; gates stay those of phase one."""

from typing import Any

import numpy as np
import pytest
import torch

from gengap import load
from gengap.errors import InputError
from gengap.network.inputs import network_inputs
from gengap.train import Execution, Recipe, TwoPhase, train

EXECUTION = Execution("cpu", "float32", "contiguous")
RECIPE = Recipe(learning_rate=0.05, decay=1.0, epochs=3, batch_size=32)


def test_phase_one_is_training_on_the_first_examples() -> None:
    problem = load("digits").take(200, 100)
    run = TwoPhase(alpha=0.25).train(problem, RECIPE, seed=3, execution=EXECUTION)
    alone = train(problem.take(50), RECIPE, seed=3, execution=EXECUTION)
    assert run.m_first == 50
    assert all(torch.equal(run.first.weights[name], value) for name, value in alone.weights.items())
    assert run.history[0]["test_accuracy"] == pytest.approx(alone.history[-1]["test_accuracy"], abs=1e-9)


def test_phase_two_learns_from_the_rest_with_the_gates_of_phase_one() -> None:
    problem = load("digits").take(400, 200)
    run = TwoPhase(alpha=0.1).train(
        problem, RECIPE, second=RECIPE.model_copy(update={"epochs": 6}), execution=EXECUTION
    )
    assert [record["epoch"] for record in run.history] == list(range(7))
    assert run.history[-1]["test_accuracy"] > run.history[0]["test_accuracy"] + 0.1
    first = run.first.model()
    x = network_inputs(problem.test.x, problem.preprocessing, next(first.parameters()))
    linear = [m for m in first.modules() if isinstance(m, torch.nn.Linear)]
    trained = [m for m in run.model.network.modules() if isinstance(m, torch.nn.Linear)]
    gates = (linear[0](x.flatten(1)) > 0).float()
    by_hand = trained[1](trained[0](x.flatten(1)) * gates)
    torch.testing.assert_close(run.model(x), by_hand)
    assert float((by_hand.argmax(1) == torch.tensor(problem.test.y)).float().mean()) == pytest.approx(run.test_accuracy)


def test_a_training_twice_is_the_same() -> None:
    problem = load("digits").take(100, 50)
    runs = [TwoPhase(0.5).train(problem, RECIPE, seed=1, execution=EXECUTION).history for _ in range(2)]
    assert runs[0] == runs[1]


def test_stop_rules_and_divergence() -> None:
    problem = load("digits").take(60, 50)
    fitted = TwoPhase(1.0).train(
        problem, RECIPE.model_copy(update={"epochs": 60, "interpolate": True}), execution=EXECUTION
    )
    assert fitted.history[-1]["train_accuracy"] == 1
    assert len(fitted.history) < 60
    wild = RECIPE.model_copy(update={"learning_rate": 1e12})
    with np.errstate(all="ignore"):
        run = TwoPhase(0.5).train(problem, RECIPE, second=wild, execution=EXECUTION)
    assert run.status == "diverged"
    assert "phase two" in run.reason
    with np.errstate(all="ignore"):
        run = TwoPhase(0.5).train(problem, wild, execution=EXECUTION)
    assert run.status == "diverged"
    assert "phase one" in run.reason


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.1, float("nan"), "0.5", None, True])
def test_alpha_is_a_fraction(alpha: Any) -> None:
    with pytest.raises(InputError, match="alpha"):
        TwoPhase(alpha=alpha)


def test_phase_two_has_the_recipes_optimizer_and_refuses_what_it_lacks() -> None:
    problem = load("digits").take(100, 50)
    adam = Recipe(learning_rate=0.01, schedule="cosine", optimizer="adam", epochs=3, batch_size=20, momentum=0.0)
    run = TwoPhase(0.5).train(problem, RECIPE, second=adam, execution=EXECUTION)
    assert run.history[-1]["train_loss"] < run.history[0]["train_loss"]
    with pytest.raises(InputError, match="Phase two has no dropout, mixup"):
        TwoPhase(0.5).train(problem, RECIPE, second=Recipe(mixup=0.1, dropout=0.1))
