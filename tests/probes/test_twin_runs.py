"""Twin runs: equal sets stay equal, replicas equal runs in turn, distances are those by hand."""

import numpy as np
import pytest
import torch

from gengap import load, probes
from gengap.data import Split
from gengap.errors import InputError
from gengap.network.inputs import network_inputs
from gengap.probes.twin_runs import distances
from gengap.seeds import generator, stream
from gengap.train import Execution, preset, train

RECIPE = preset("digits").model_copy(update={"epochs": 3, "momentum": 0.0, "batch_size": 16, "interpolate": False})
EXACT = Execution(precision="float64")


def followed(problem, **options):
    return probes.twin_runs(problem, RECIPE, execution=EXACT, **options)


def test_twins_on_equal_sets_stay_equal() -> None:
    digits = load("digits").take(66, 50)
    copies = digits.derive({"step": "copies"}, train=Split(np.repeat(digits.train.x[:1], 66, 0), np.zeros(66, int)))
    found = followed(copies, twins=2)
    assert [drift.distance for drift in found.drifts] == [0.0] * 4
    assert [drift.loss_change for drift in found.drifts] == [0.0] * 4
    assert found.smoothness is None
    assert "smoothness" in found.promises()["convex"]


def test_replicas_equal_runs_in_turn_and_distances_by_hand() -> None:
    digits = load("digits").take(66, 50)
    together, apart = (followed(digits, twins=2, together=way) for way in (True, False))
    for a, b in zip(together.drifts, apart.drifts, strict=True):
        assert a.distance == pytest.approx(b.distance, rel=1e-8)
        assert a.loss_change == pytest.approx(b.loss_change, rel=1e-8)
        assert a.test_error == b.test_error
    first = train(digits.take(64), RECIPE, 0, execution=EXACT)
    assert together.drifts[-1].train_error == pytest.approx(1 - first.history[-1]["train_accuracy"])
    assert together.drifts[-1].train_loss == pytest.approx(first.history[-1]["train_loss"], rel=1e-6)  # float32
    assert together.drifts[0].distance == 0
    assert 0 < together.drifts[1].distance < 1
    assert (together.n, together.twins, len(together.step_sizes)) == (64, 2, 12)


def test_drifts_after_steps_against_a_loop_in_plain_pytorch() -> None:
    digits = load("digits").take(66, 50)
    found = followed(digits, twins=1, steps=(0, 1, 3, 6))  # 65 examples in minibatches of 16: 5 steps an epoch
    assert [(d.steps, d.epoch) for d in found.drifts] == [(0, 0), (1, 0.2), (3, 0.6), (6, 1.2)]
    assert len(found.step_sizes) == 6
    place = int(generator(0, "twins").choice(65, size=1)[0])
    index = np.arange(65)
    index[place] = 65
    snapshots = []
    for chosen in (np.arange(65), index):
        model = train(digits.take(65), RECIPE.model_copy(update={"snapshots": (0,)}), 0, execution=EXACT).model(0)
        model.double()
        x = network_inputs(digits.train.x[chosen], digits.preprocessing, torch.zeros(1, dtype=torch.float64))
        y, weights = torch.from_numpy(digits.train.y[chosen]), []
        for step in range(6):
            order = torch.randperm(65, generator=torch.Generator().manual_seed(stream(0, "order", step // 5 + 1)))
            rows = order.split(16)[step % 5]
            loss = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            with torch.no_grad():
                for p, g in zip(model.parameters(), gradients, strict=True):
                    p -= RECIPE.learning_rate_at(step, 5) * g
            weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
        snapshots.append(weights)
    for drift in found.drifts[1:]:
        a, b = (each[drift.steps - 1] for each in snapshots)
        expected = float((a - b).norm() / torch.sqrt(a.square().sum() + b.square().sum()))
        assert drift.distance == pytest.approx(expected, rel=1e-6)


def test_masks_of_dropout_are_the_same_for_twins_and_replicas_are_refused() -> None:
    digits = load("digits").take(66, 50)
    copies = digits.derive({"step": "copies"}, train=Split(np.repeat(digits.train.x[:1], 66, 0), np.zeros(66, int)))
    recipe = RECIPE.model_copy(update={"dropout": 0.5, "epochs": 1})
    found = probes.twin_runs(copies, recipe, steps=(1, 3), execution=EXACT)
    assert not found.together
    assert [drift.distance for drift in found.drifts] == [0.0, 0.0]
    with pytest.raises(InputError, match="masks of dropout"):
        probes.twin_runs(copies, recipe, together=True, execution=EXACT)


def test_the_faster_way_is_measured_once_and_stated(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gengap.train import trials

    monkeypatch.setenv("GENGAP_HOME", str(tmp_path))
    digits = load("digits").take(66, 10)
    for seconds, expected in (([1.0, 1.7], True), ([1.0, 1.9], False)):
        monkeypatch.setattr(trials, "_TOGETHER", {})
        monkeypatch.setattr(trials, "_shortest", lambda steps, clock, s=seconds: s)
        (tmp_path / "executions.json").unlink(missing_ok=True)
        assert followed(digits, epochs=(0,)).together is expected
        assert "together or in turn" in (tmp_path / "executions.json").read_text()
    monkeypatch.setattr(trials, "_TOGETHER", {})
    monkeypatch.setattr(trials, "_shortest", lambda steps, clock: pytest.fail("measured again"))
    assert not followed(digits, epochs=(0,)).together


def test_constants_are_lower_estimates_along_the_way() -> None:
    digits = load("digits").take(65, 50)
    found = followed(digits, epochs=(0, 3))
    run = train(digits.take(64), RECIPE.model_copy(update={"snapshots": (0, 3)}), 0, execution=EXACT)
    x = torch.from_numpy(digits.train.x[:64].copy())
    inputs = network_inputs(x.numpy(), digits.preprocessing, torch.zeros(1, dtype=torch.float64))
    labels = torch.from_numpy(digits.train.y[:64].copy())
    norms = [float(probes.gradient_norms(run.model(e).double(), inputs, labels).max()) for e in (0, 3)]
    assert found.lipschitz == pytest.approx(max(norms), rel=1e-9)
    assert found.smoothness > 0
    promises = found.promises()
    assert promises["nonconvex"] > 0 or isinstance(promises["nonconvex"], str)
    assert "no weight decay" in promises["strongly_convex"]
    decayed = RECIPE.model_copy(update={"weight_decay": 0.5, "schedule": "constant", "learning_rate": 1e-3})
    shrunk = probes.twin_runs(digits, decayed, epochs=(0, 3), execution=EXACT)
    first = torch.cat([p.flatten() for p in run.model(0).parameters()])
    assert shrunk.weight_norm == pytest.approx(float(first.detach().double().norm()), rel=1e-6)  # it falls from there
    L = shrunk.lipschitz + 0.5 * shrunk.weight_norm
    assert shrunk.promises()["strongly_convex"] == pytest.approx(2 * L**2 / (0.5 * 64))


def test_what_cannot_be_followed_is_refused() -> None:
    digits = load("digits").take(10, 10)
    with pytest.raises(InputError, match="twins"):
        followed(digits, twins=10)
    with pytest.raises(InputError, match="Epochs"):
        followed(digits, epochs=(9,))
    with pytest.raises(InputError, match="Steps"):
        followed(digits, steps=(9,))
    with pytest.raises(InputError, match="stops early"):
        probes.twin_runs(digits, RECIPE.model_copy(update={"interpolate": True}))
    with pytest.raises(InputError, match="diverged"):
        probes.twin_runs(digits, RECIPE.model_copy(update={"learning_rate": 1e30}), execution=Execution())


def test_frozen_weights_have_no_part_in_the_distance() -> None:
    torch.manual_seed(0)
    first, second = (torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)) for _ in range(2))
    first[0].requires_grad_(False)
    found = distances(first, second)
    u, v = (torch.nn.utils.parameters_to_vector(m[1].parameters()).detach().double() for m in (first, second))
    assert set(found) == {"", "1.weight", "1.bias"}
    assert found[""] == pytest.approx(float((u - v).norm() / (u @ u + v @ v) ** 0.5))
