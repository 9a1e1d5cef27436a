"""R replicas do what R separate runs do, and a step is SGD with momentum as PyTorch has it."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from gengap.data import Problem, Split, from_arrays
from gengap.errors import InputError
from gengap.seeds import stream
from gengap.train import Execution, Recipe, train, train_replicas
from gengap.train.replicas import Replicas

LAST = Execution(memory_format="channels_last")
FLOAT64 = Execution("cpu", "float64", "contiguous")


@pytest.mark.parametrize("model", ["mlp-1x512", "inception-small"])
@pytest.mark.parametrize("augmented", [False, True])
def test_replicas_equal_separate_runs_to_round_off(tiny: Problem, model: str, augmented: bool) -> None:
    cropped = tiny.take(32, 8).preprocess(crop=5, scale="whiten")
    problems = [cropped.corrupt("labels", level=level, seed=1) for level in (0, 0.5, 1)]
    base = Recipe(model=model, batch_size=16, epochs=2, random_crop=augmented, flip=augmented)
    free = [{"learning_rate": 0.05}, {"learning_rate": 0.02, "weight_decay": 0.1}, {"learning_rate": 0.01}]
    recipes = [base.model_copy(update=values) for values in free]
    trios = list(zip(problems, recipes, (0, 5, 9), strict=True))
    together = train_replicas(trios, execution=FLOAT64)
    alone = [train(*trio, execution=FLOAT64) for trio in trios]
    for run, own in zip(together, alone, strict=True):
        for name, weight in own.weights.items():
            torch.testing.assert_close(run.weights[name], weight, rtol=1e-9, atol=1e-11)
        for record, expected in zip(run.history, own.history, strict=True):
            assert {k: v for k, v in record.items() if k != "seconds"} == pytest.approx(
                {k: v for k, v in expected.items() if k != "seconds"}, rel=1e-9
            )


def test_replicas_may_differ_in_inputs(tiny: Problem) -> None:
    recipe = Recipe(batch_size=16, epochs=2)
    trios = [(tiny, recipe, 0), (tiny.corrupt("random-pixels", seed=2), recipe, 0)]
    together = train_replicas(trios, execution=FLOAT64)
    for run, trio in zip(together, trios, strict=True):
        expected = train(*trio, execution=FLOAT64).weights
        torch.testing.assert_close(run.weights, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("change", ["gaussian", "shuffled-pixels"])
def test_replicas_whose_inputs_differ_in_form_are_refused(tiny: Problem, change: str) -> None:
    """Bytes and floats, or images still to be cropped and cropped ones, cannot be preprocessed alike."""
    cropped = tiny.preprocess(crop=5, scale="unit")
    trios = [(problem, Recipe(batch_size=16, epochs=1), 0) for problem in (cropped, cropped.corrupt(change))]
    with pytest.raises(InputError, match="cannot share a step"):
        train_replicas(trios, execution=FLOAT64)


def test_a_parameter_that_asks_for_no_gradient_stays_as_it_was(
    tiny: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_frozen.py").write_text(
        "from torch import nn\n\ndef make(shape, n):\n"
        "    net = nn.Sequential(nn.Flatten(), nn.Linear(108, 4), nn.Linear(4, n))\n"
        "    net[1].requires_grad_(False)\n    return net\n"
    )
    monkeypatch.chdir(tmp_path)
    recipe = Recipe(model="half_frozen:make", batch_size=16, epochs=1, snapshots=(0,), weight_decay=0.1)
    for run in train_replicas([(tiny, recipe, 0), (tiny, recipe, 1)], execution=FLOAT64):
        assert torch.equal(run.weights["1.weight"], run.snapshots[0]["1.weight"])
        assert not torch.equal(run.weights["2.weight"], run.snapshots[0]["2.weight"])


def test_training_equals_plain_pytorch(tiny: Problem) -> None:
    """Two epochs written out with torch.optim.SGD and a scheduler, in float64."""
    recipe = Recipe(batch_size=16, epochs=2, learning_rate=0.03, weight_decay=0.02, decay=0.5, decay_steps=3)
    run = train(tiny, recipe, 4, execution=FLOAT64)
    module = Replicas.initialise(tiny, recipe, [4], FLOAT64).module
    x = torch.from_numpy(tiny.train.x.copy()).double()
    x = (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), correction=0, keepdim=True)
    y = torch.from_numpy(tiny.train.y.copy())
    optimiser = torch.optim.SGD(module.parameters(), lr=0.03, momentum=0.9, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, step_size=3, gamma=0.5)
    for epoch in (1, 2):
        order = torch.randperm(60, generator=torch.Generator().manual_seed(stream(4, "order", epoch)))
        for index in order.split(16):
            optimiser.zero_grad()
            F.cross_entropy(module(x[index]), y[index]).backward()
            optimiser.step()
            schedule.step()
    for name, weight in module.state_dict().items():
        torch.testing.assert_close(run.weights[name], weight, rtol=1e-10, atol=1e-12)


def test_layouts_and_precisions_agree(tiny: Problem) -> None:
    recipe = Recipe(model="alexnet-small", batch_size=16, epochs=1)
    exact = train(tiny, recipe, execution=FLOAT64).history[0]["train_loss"]
    for setting, tolerance in ((("float32", "channels_last"), 1e-4), (("bfloat16", "channels_last"), 2e-2)):
        loss = train(tiny, recipe, execution=Execution("cpu", *setting)).history[0]["train_loss"]
        assert loss == pytest.approx(exact, rel=tolerance)


def test_gradients_keep_the_layout_of_images_through_a_flattening_layer() -> None:
    split = Split(np.random.default_rng(0).random((8, 3, 12, 12), np.float32), np.arange(8) % 3)
    problem, seen, found = Problem("made up", split, split, ("a", "b", "c")), [], []
    for layout in ("contiguous", "channels_last"):
        execution = Execution("cpu", "float64", layout)
        replicas = Replicas.initialise(problem, Recipe(model="convnet-3"), [0], execution)
        last = next(m for m in reversed(list(replicas.module)) if isinstance(m, nn.ReLU))
        last.register_full_backward_hook(lambda _, inner, outer: seen.append(outer[0]))
        x, y = torch.tensor(split.x)[None].double(), torch.tensor(split.y)[None]
        replicas.step(x, y, torch.tensor([0.1], dtype=torch.float64))
        found.append(replicas.parameters)
    assert [g.is_contiguous(memory_format=torch.channels_last) for g in seen] == [False, True]
    for name in found[0]:
        torch.testing.assert_close(found[0][name], found[1][name], rtol=1e-10, atol=1e-14)


def test_a_step_updates_by_the_momentum_rule_by_hand(tiny: Problem) -> None:
    replicas = Replicas.initialise(tiny, Recipe(), [0], FLOAT64)
    twin = copy.deepcopy(replicas.module)
    x, y = torch.randn(8, 3, 6, 6, dtype=torch.float64), torch.arange(8) % 3
    velocity = {name: torch.zeros_like(p) for name, p in twin.named_parameters()}
    for rate in (0.1, 0.05):
        loss = F.cross_entropy(twin(x), y)
        gradients = torch.autograd.grad(loss, list(twin.parameters()))
        with torch.no_grad():
            for (name, p), gradient in zip(twin.named_parameters(), gradients, strict=True):
                velocity[name] = 0.9 * velocity[name] + gradient
                p -= rate * velocity[name]
        ours, _ = replicas.step(x[None], y[None], torch.tensor([rate], dtype=torch.float64))
        assert ours.item() == pytest.approx(loss.item(), rel=1e-12)
    for name, p in twin.named_parameters():
        torch.testing.assert_close(replicas.parameters[name][0].detach(), p.detach(), rtol=1e-12, atol=1e-14)


def test_dropout_masks_differ_between_replicas(tiny: Problem) -> None:
    replicas = Replicas.initialise(tiny, Recipe(dropout=0.5), [0, 0], FLOAT64)
    x = torch.randn(1, 8, 3, 6, 6, dtype=torch.float64).expand(2, -1, -1, -1, -1)
    losses, _ = replicas.step(x, torch.zeros(2, 8, dtype=torch.long), torch.zeros(2))
    assert losses[0] != losses[1]


class Tied(torch.nn.Module):
    """Two layers that share their weight, and a buffer that is not saved."""

    def __init__(self, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(108, 108), torch.nn.Linear(108, 108)
        self.second.weight = self.first.weight
        self.last = torch.nn.Linear(108, n_classes)
        self.register_buffer("scale", torch.ones(()), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.second(self.first(x.flatten(1)).relu()).relu() * self.scale)


def test_a_network_with_tied_weights_comes_back_whole(tiny: Problem) -> None:
    run = train(tiny, Recipe(model="test_replicas:Tied", batch_size=16, epochs=1), execution=FLOAT64)
    module = run.model()
    assert module.first.weight is module.second.weight
    assert set(run.weights) == set(module.state_dict())
    start = Replicas.initialise(tiny, run.recipe, [0], FLOAT64).weights(0)
    assert not torch.equal(start["first.weight"], run.weights["first.weight"])


@pytest.mark.parametrize(
    ("model", "replicas", "used"),
    [("alexnet-small", 1, "channels_last"), ("alexnet-small", 2, "contiguous"), ("mlp-1x512", 1, "contiguous")],
)
def test_a_run_names_the_layout_that_was_used(model: str, replicas: int, used: str) -> None:
    x, y = np.random.default_rng(0).integers(0, 256, (8, 3, 12, 12), dtype=np.uint8), np.arange(8) % 2
    recipe = Recipe(model=model, epochs=1, batch_size=4, memory_format="channels_last")
    trios = [(from_arrays(x, y, x, y), recipe, seed) for seed in range(replicas)]
    assert {run.outcome()["memory_format"] for run in train_replicas(trios, execution=LAST)} == {used}


@pytest.mark.parametrize("last", [True, False])
def test_images_go_into_the_network_in_the_layout_that_is_named(monkeypatch: pytest.MonkeyPatch, last: bool) -> None:
    x, y = np.random.default_rng(0).integers(0, 256, (8, 3, 12, 12), dtype=np.uint8), np.arange(8) % 2
    in_order, original = [], Replicas._loss_of_one

    def spy(replicas: Replicas, loss, parameters, buffers, x, *targets):
        in_order.append(x.is_contiguous(memory_format=torch.channels_last))
        return original(replicas, loss, parameters, buffers, x, *targets)

    monkeypatch.setattr(Replicas, "_loss_of_one", spy)
    recipe = Recipe(model="alexnet-small", epochs=1, batch_size=4)
    train(from_arrays(x, y, x, y), recipe, execution=LAST if last else Execution())
    assert set(in_order) == {last}
