"""Twin runs: equal sets stay equal, replicas equal runs in turn, distances are those by hand."""

import numpy as np
import pytest
import torch

from gengap import load, probes
from gengap.data import Split
from gengap.errors import InputError
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


def test_constants_are_lower_estimates_along_the_way() -> None:
    digits = load("digits").take(65, 50)
    found = followed(digits, epochs=(0, 3))
    run = train(digits.take(64), RECIPE.model_copy(update={"snapshots": (0, 3)}), 0, execution=EXACT)
    x = torch.from_numpy(digits.train.x[:64].copy())
    from gengap.network.inputs import network_inputs

    inputs = network_inputs(x.numpy(), digits.preprocessing, torch.zeros(1, dtype=torch.float64))
    labels = torch.from_numpy(digits.train.y[:64].copy())
    norms = [float(probes.gradient_norms(run.model(e).double(), inputs, labels).max()) for e in (0, 3)]
    assert found.lipschitz == pytest.approx(max(norms), rel=1e-5)  # snapshots are read in float32
    assert found.smoothness > 0
    promises = found.promises()
    assert promises["nonconvex"] > 0 or isinstance(promises["nonconvex"], str)


def test_what_cannot_be_followed_is_refused() -> None:
    digits = load("digits").take(10, 10)
    with pytest.raises(InputError, match="twins"):
        followed(digits, twins=10)
    with pytest.raises(InputError, match="Epochs"):
        followed(digits, epochs=(9,))
    with pytest.raises(InputError, match="stops early"):
        probes.twin_runs(digits, RECIPE.model_copy(update={"interpolate": True}))
    with pytest.raises(InputError, match="diverged"):
        probes.twin_runs(digits, RECIPE.model_copy(update={"learning_rate": 1e30}), execution=Execution())
