"""Theorems 8 and 9 for a trained network: constants against enumerated paths, and what holds beforehand."""

import numpy as np
import pytest
import torch
from torch import nn

from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.network.frozen_gates import GatedNetwork
from gengap.probes import path_features, two_phase_bounds
from gengap.probes.paths import path_weights


def problem(m: int = 40) -> Problem:
    rng = np.random.default_rng(0)
    return Problem(
        "made-up",
        Split(rng.uniform(-1, 1, (m, 3)), np.arange(m) % 2),
        Split(np.ones((2, 3)), np.array([0, 1])),
        ("a", "b"),
    )


def gated() -> GatedNetwork:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    result = GatedNetwork(model, torch.randn(2, 3, dtype=torch.float64))
    with torch.no_grad():
        for parameter in result.network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return result


def test_constants_and_norms_are_those_of_enumerated_paths() -> None:
    model, data, first = gated(), problem(), 10
    found = two_phase_bounds(model, data, first, largest_input=1.0)
    x, y = torch.from_numpy(data.train.x[first:]), torch.from_numpy(data.train.y[first:])
    z, w = path_features(model.frozen, x), path_weights(model.network, x)
    assert (found.n, found.paths) == (30, z.shape[1])
    assert found.squared_norms == pytest.approx(float(w.square().sum()), rel=1e-12)
    assert found.l1_norms == pytest.approx(float(w.abs().sum()), rel=1e-12)
    outputs = z @ w.T
    one_hot = torch.eye(2).double()[y]
    assert found.squared_loss == pytest.approx(float((outputs - one_hot).square().sum(1).mean()), rel=1e-12)
    margins = (outputs[torch.arange(30), y] - outputs[torch.arange(30), 1 - y]).tolist()
    assert found.margin_risk == pytest.approx(np.mean([min(1.0, max(0.0, 1 - t)) for t in margins]))
    mean = z.T @ z / 30
    deviations = [mean - torch.outer(row, row) for row in z]
    second = torch.stack([d @ d for d in deviations]).mean(0)
    estimated = found.estimated.constants
    assert estimated.C_zz == pytest.approx(float(torch.linalg.eigvalsh(mean)[-1]))
    assert estimated.gamma_zz_squared == pytest.approx(float(torch.linalg.eigvalsh(second)[-1]), rel=1e-8)
    assert found.estimated.feature_norm == pytest.approx(float(z.square().sum(1).mean().sqrt()))
    assert found.estimated.weight_norm == pytest.approx(float(w.norm(dim=1).max()))


def test_constants_known_beforehand_hold_for_the_examples_and_are_wider() -> None:
    model, data = gated(), problem()
    found = two_phase_bounds(model, data, 10, largest_input=1.0)
    z = path_features(model.frozen, torch.from_numpy(data.train.x[10:]))
    known = found.beforehand
    assert known.holds
    assert not found.estimated.holds
    assert known.constants.C_zz >= float(z.square().sum(1).max())
    assert known.feature_norm >= found.estimated.feature_norm
    assert all(a >= b for a, b in zip(known.constants, found.estimated.constants, strict=True))
    assert known.theorem8_upper > found.estimated.theorem8_upper > found.squared_loss
    assert known.theorem9_upper > found.estimated.theorem9_upper > found.margin_risk


def test_refuses_what_it_cannot_bound() -> None:
    with pytest.raises(InputError, match="none is independent"):
        two_phase_bounds(gated(), problem(), 40, largest_input=1.0)
    with pytest.raises(InputError, match="largest_input"):
        two_phase_bounds(gated(), problem(), 10)
