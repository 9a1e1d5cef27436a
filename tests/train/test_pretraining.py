"""Training from given weights, in two phases, and the snapshot nearest to a loss."""

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from gengap.data import Problem, load
from gengap.errors import InputError
from gengap.seeds import stream
from gengap.train import Execution, Pretraining, Recipe, initial_weights, train, train_pretrained

RECIPE = Recipe(model="convnet-5-no-bn", learning_rate=0.02, batch_size=32, decay=1.0, epochs=4)
ON_CPU = Execution()


@pytest.fixture(scope="module")
def problem() -> Problem:
    return load("digits").take(96, 32)


def _same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_weights_of_a_seed_are_those_that_training_begins_from(problem: Problem) -> None:
    recipe = RECIPE.model_copy(update={"snapshots": (0,), "epochs": 1})
    assert _same(train(problem, recipe, 3, execution=ON_CPU).snapshots[0], initial_weights(problem, recipe, 3))


def test_training_goes_on_from_given_weights(problem: Problem) -> None:
    """Without momentum, one epoch from the weights of another seed is that seed's step on this order."""
    recipe = RECIPE.model_copy(update={"momentum": 0.0, "epochs": 1})
    start = initial_weights(problem, recipe, 5)
    run = train(problem, recipe, 1, execution=ON_CPU, start=start)
    assert _same(start, initial_weights(problem, recipe, 5))  # they stay as they are
    again = train(problem, recipe, 1, execution=ON_CPU, start=start)
    assert _same(run.weights, again.weights)
    assert not _same(run.weights, train(problem, recipe, 1, execution=ON_CPU).weights)


def test_initial_deviation(problem: Problem) -> None:
    weights = initial_weights(problem, RECIPE, 0, std=0.07)
    plain = initial_weights(problem, RECIPE, 0)
    assert float(weights["6.weight"].std()) == pytest.approx(0.07, rel=0.02)
    assert weights["6.weight"].shape == plain["6.weight"].shape
    assert torch.allclose(2 * weights["6.weight"], initial_weights(problem, RECIPE, 0, std=0.14)["6.weight"])
    with pytest.raises(InputError, match="standard deviation 0"):
        Pretraining(initial_std=0)


def test_two_phases_are_two_trainings_one_after_the_other(problem: Problem) -> None:
    first_recipe = RECIPE.model_copy(update={"epochs": 2})
    first, run = train_pretrained(problem, RECIPE, Pretraining(first_recipe, 0.5), 7, execution=ON_CPU)
    corrupted = problem.corrupt("labels", level=0.5, seed=stream(7, "corruption"))
    start = initial_weights(problem, RECIPE, 7)
    by_hand = train(corrupted, first_recipe, stream(7, "pretraining"), execution=ON_CPU, start=start)
    assert first is not None
    assert _same(first.weights, by_hand.weights)
    assert _same(run.weights, train(problem, RECIPE, 7, execution=ON_CPU, start=by_hand.weights).weights)


def test_without_pretraining_it_is_the_plain_training(problem: Problem) -> None:
    first, run = train_pretrained(problem, RECIPE, Pretraining(), 7, execution=ON_CPU)
    assert first is None
    assert _same(run.weights, train(problem, RECIPE, 7, execution=ON_CPU).weights)


def test_training_that_is_killed_in_either_phase_goes_on(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gengap.train.checkpoint.INTERVAL_S", 0.0)
    before = Pretraining(RECIPE.model_copy(update={"epochs": 3}), 1.0)
    _, whole = train_pretrained(problem, RECIPE, before, 2, execution=ON_CPU)
    for number, deaths in enumerate((2, 5)):  # epoch 2 of the first phase, epoch 2 of the second
        checkpoint = tmp_path / str(number) / "state.pt"
        checkpoint.parent.mkdir()
        epochs = iter(range(1, 100))

        def die(*_: object, epochs=epochs, deaths=deaths) -> None:
            if next(epochs) == deaths:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train_pretrained(problem, RECIPE, before, 2, execution=ON_CPU, checkpoint=checkpoint, report=die)
        report = Mock()
        _, resumed = train_pretrained(
            problem, RECIPE, before, 2, execution=ON_CPU, checkpoint=checkpoint, report=report
        )
        assert _same(resumed.weights, whole.weights)
        assert report.call_count < 7


def test_the_snapshot_nearest_to_a_loss(problem: Problem) -> None:
    every = train(problem, RECIPE.model_copy(update={"snapshots": (1, 2, 3, 4)}), 0, execution=ON_CPU)
    losses = [record["train_loss"] for record in every.history]
    for target in (losses[1] + 1e-6, losses[3] - 1.0, losses[0] + 1.0):
        run = train(problem, RECIPE.model_copy(update={"snapshot_loss": max(target, 0)}), 0, execution=ON_CPU)
        nearest = 1 + int(np.argmin([abs(loss - max(target, 0)) for loss in losses]))
        assert run.nearest_epoch == nearest
        assert list(run.snapshots) == [nearest]
        assert _same(run.snapshots[nearest], every.snapshots[nearest])


def test_snapshots_by_epoch_and_by_loss_do_not_disturb_each_other(problem: Problem) -> None:
    recipe = RECIPE.model_copy(update={"snapshots": (0, 1), "snapshot_loss": 0.0})
    run = train(problem, recipe, 0, execution=ON_CPU)
    assert set(run.snapshots) == {0, 1, run.nearest_epoch}
    assert train(problem, RECIPE, 0, execution=ON_CPU).nearest_epoch is None
