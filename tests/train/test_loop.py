"""Stop rules, divergence, history, determinism, and training on after a kill."""

import io
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from gengap.data import Problem, from_arrays, load, save_problem
from gengap.errors import InputError
from gengap.train import Execution, Recipe, check_trainable, resolve_device, train, train_replicas
from gengap.train import checkpoint as checkpoints
from gengap.train.sealed_file import read_sealed

PLAIN = Execution()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tiny: Problem) -> None:
    recipe = Recipe(epochs=2, batch_size=16)
    first, again, other = (train(tiny, recipe, seed, execution=PLAIN).weights for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_interpolation_stops_at_the_first_perfect_epoch(tiny: Problem) -> None:
    run = train(tiny, Recipe(epochs=50, batch_size=16, learning_rate=1e-4, interpolate=True), execution=PLAIN)
    accuracies = [record["train_accuracy"] for record in run.history]
    assert accuracies[-1] == 1.0
    assert len(accuracies) < 50
    assert all(accuracy < 1.0 for accuracy in accuracies[:-1])
    assert run.epochs_to_fit is not None
    assert run.epochs_to_fit <= len(accuracies)


def test_target_loss_stops_at_the_first_epoch_below_it(tiny: Problem) -> None:
    run = train(tiny, Recipe(epochs=50, batch_size=16, learning_rate=1e-4, target_loss=0.3), execution=PLAIN)
    losses = [record["train_loss"] for record in run.history]
    assert losses[-1] <= 0.3 < min(losses[:-1])


def test_the_last_epoch_is_always_evaluated(tiny: Problem) -> None:
    run = train(tiny, Recipe(epochs=5, batch_size=16, evaluate_every=2), execution=PLAIN)
    assert [record["train_loss"] is not None for record in run.history] == [False, True, False, True, True]


def test_the_evaluated_accuracy_is_that_of_the_final_model(tiny: Problem) -> None:
    run = train(tiny, Recipe(epochs=2, batch_size=16), execution=Execution("cpu", "float64"))
    x = torch.from_numpy(tiny.test.x.copy()).double()
    x = (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), correction=0, keepdim=True)
    hits = run.model().double()(x).argmax(1) == torch.from_numpy(tiny.test.y.copy())
    assert run.history[-1]["test_accuracy"] == pytest.approx(hits.double().mean().item())


def test_snapshots_hold_the_weights_of_their_epochs(tiny: Problem) -> None:
    run = train(tiny, Recipe(epochs=3, batch_size=16, snapshots=(0, 2)), execution=PLAIN)
    short = train(tiny, Recipe(epochs=2, batch_size=16), execution=PLAIN)
    assert set(run.snapshots) == {0, 2}
    assert all(torch.equal(run.snapshots[2][name], short.weights[name]) for name in short.weights)
    assert not torch.equal(run.snapshots[0]["1.weight"], run.snapshots[2]["1.weight"])


def test_a_diverged_replica_is_a_result_and_the_others_go_on(tiny: Problem) -> None:
    recipe = Recipe(epochs=4, batch_size=16)
    wild = recipe.model_copy(update={"learning_rate": 1e30})
    diverged, calm = train_replicas([(tiny, wild, 0), (tiny, recipe, 1)], execution=PLAIN)
    assert diverged.status == "diverged"
    assert "finite" in diverged.reason
    assert diverged.history
    assert calm.status == "done"
    assert len(calm.history) == 4
    alone = train(tiny, recipe, 1, execution=PLAIN)
    assert calm.history[-1]["train_loss"] == pytest.approx(alone.history[-1]["train_loss"], rel=1e-4)
    assert all(math.isfinite(record["train_loss"]) for record in calm.history)


def test_learning_rate_falls_by_stairs() -> None:
    recipe = Recipe(learning_rate=0.1, decay=0.5, decay_steps=3)
    assert [recipe.learning_rate_at(step, 10) for step in (0, 2, 3, 5, 6)] == [0.1, 0.1, 0.05, 0.05, 0.025]


class KilledError(Exception):
    pass


@pytest.mark.parametrize("after", [1, 3])
def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    tiny: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(checkpoints, "INTERVAL_S", 0.0)
    recipe = Recipe(epochs=6, batch_size=16, random_crop=False, flip=True, dropout=0.3, snapshots=(0, 2))
    trios = [(tiny, recipe, 0), (tiny.corrupt("labels", seed=1), recipe.model_copy(update={"learning_rate": 1e30}), 1)]

    def stop(done: int, total: int, text: str) -> None:
        if done == after:
            raise KilledError

    with pytest.raises(KilledError):
        train_replicas(trios, execution=PLAIN, checkpoint=tmp_path / "run", report=stop)
    resumed = train_replicas(trios, execution=PLAIN, checkpoint=tmp_path / "run")
    whole = train_replicas(trios, execution=PLAIN)
    for run, expected in zip(resumed, whole, strict=True):
        assert (run.status, len(run.history), set(run.snapshots)) == (
            expected.status,
            len(expected.history),
            set(expected.snapshots),
        )
        assert all(torch.equal(run.weights[n].nan_to_num(), w.nan_to_num()) for n, w in expected.weights.items())


KILLED_BY_SIGNAL = """
import sys, torch
from pathlib import Path
from gengap.data import open_problem
from gengap.train import Execution, Recipe, checkpoint, train
checkpoint.INTERVAL_S = 0.0
torch.set_num_threads(1)
problem, recipe = open_problem(Path(sys.argv[1])), Recipe.model_validate_json(sys.argv[2])
train(problem, recipe, 1, execution=Execution(), checkpoint=Path(sys.argv[3]))
"""


def test_sigkill_then_resume_gives_the_same_final_weights(tmp_path: Path) -> None:
    """Another process resumes what the killed one has left."""
    torch.set_num_threads(1)
    path, folder = tmp_path / "killed", tmp_path / "problem"
    problem = load("digits").corrupt("labels", seed=3).take(400, 100)
    folder.mkdir()
    save_problem(problem, folder)
    recipe = Recipe(model="mlp-1x512", batch_size=32, epochs=30, learning_rate=0.05)
    child = subprocess.Popen([sys.executable, "-c", KILLED_BY_SIGNAL, str(folder), recipe.model_dump_json(), str(path)])
    deadline = time.monotonic() + 120
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert path.exists()
    content = read_sealed(path, checkpoints.FORMAT)
    interrupted_at = torch.load(io.BytesIO(content), weights_only=True)["epoch"]
    assert 0 < interrupted_at < recipe.epochs
    epochs: list[int] = []
    resumed = train(problem, recipe, 1, execution=PLAIN, checkpoint=path, report=lambda done, *_: epochs.append(done))
    assert epochs[0] == interrupted_at + 1
    expected = train(problem, recipe, 1, execution=PLAIN)
    assert all(torch.equal(resumed.weights[name], weight) for name, weight in expected.weights.items())


def test_runs_that_cannot_share_a_step_are_refused(tiny: Problem) -> None:
    other = Recipe(batch_size=32)
    for trios in ([], [(tiny, Recipe(), 0), (tiny, other, 0)], [(tiny, Recipe(), 0), (tiny.take(30), Recipe(), 0)]):
        with pytest.raises(InputError, match=r"share a step|No run"):
            train_replicas(trios, execution=PLAIN)


def test_a_last_minibatch_of_one_is_refused_where_batch_normalisation_is_left_with_one_value() -> None:
    x, y = np.zeros((4, 1, 4, 4), np.uint8), np.arange(4) % 2  # two halvings leave one pixel
    problem, recipe = from_arrays(x, y, x, y), Recipe(model="inception-small", batch_size=16)
    with pytest.raises(InputError, match=r"minibatch of one example with which 33 examples in minibatches of 16 end"):
        check_trainable(problem, recipe, 33)
    check_trainable(problem, recipe, 34)
    check_trainable(problem, recipe.model_copy(update={"model": "inception-small-no-bn"}), 33)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"random_crop": True}, "no margin"), ({"flip": True}, "no images"), ({"pad": 2}, "no images")],
)
def test_a_recipe_that_the_inputs_do_not_allow_is_refused(change: dict[str, bool], message: str) -> None:
    x, y = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32), np.arange(8) % 2
    with pytest.raises(InputError, match=message):
        train(from_arrays(x, y, x, y), Recipe(**change), execution=PLAIN)


def test_cuda_where_there_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(InputError, match="no CUDA device"):
        resolve_device("cuda")
    with pytest.raises(InputError, match="Unknown device"):
        resolve_device("tpu")


def test_a_run_says_that_its_accuracies_depend_on_the_batches(
    tiny: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mixing.py").write_text(
        "from torch import nn\n"
        "def make(shape, classes, tracked):\n"
        "    size = shape[0] * shape[1] * shape[2]\n"
        "    norm = nn.BatchNorm1d(8, track_running_stats=tracked)\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(size, 8), norm, nn.ReLU(), nn.Linear(8, classes))\n"
        "def mixing(shape, classes):\n    return make(shape, classes, False)\n"
        "def plain(shape, classes):\n    return make(shape, classes, True)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    runs = [train(tiny, Recipe(model=f"mixing:{name}", epochs=1), execution=PLAIN) for name in ("mixing", "plain")]
    assert [run.status for run in runs] == ["done", "done"]
    assert "other examples" in runs[0].reason
    assert "BatchNorm1d" in runs[0].reason
    assert runs[1].reason == ""
