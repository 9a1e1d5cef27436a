"""Theorems 8 and 9 for a trained network: constants against enumerated paths, and what holds beforehand."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.network.frozen_gates import GatedNetwork
from gengap.probes import path_features, two_phase_bounds
from gengap.probes.paths import feature_bounds, path_weights


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


class Times(nn.Module):
    """A fixed multiplier, or a fixed constant that is added."""

    def __init__(self, factor: float, shift: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("factor", torch.full((3,), factor))
        self.shift = shift

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor + self.shift


class Apart(nn.Module):
    """Outputs that have not as many paths: one straight from the input, one through a hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 4), nn.Linear(4, 1), nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.c(x), self.b(torch.relu(self.a(x)))], 1)


def linear(*between: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), *between, nn.Linear(4, 2))


def networks() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    layers = [nn.Unflatten(1, (1, 3)), nn.Conv1d(1, 2, 2), nn.LeakyReLU(3.0), nn.AvgPool1d(2), nn.Flatten()]
    return {
        "fixed multiplier": nn.Sequential(Times(10.0), linear(nn.ReLU())),
        "steep leaky ReLUs": linear(nn.LeakyReLU(5.0), nn.Linear(4, 4), nn.LeakyReLU(-5.0)),
        "added constant": nn.Sequential(Times(0.5, 20.0), linear(nn.ReLU())),
        "convolution": nn.Sequential(*layers, nn.Linear(2, 2)),
        "small multiplier": nn.Sequential(Times(0.01), linear(nn.ReLU())),
    }


# By hand, for coordinates of at most 0.7: sum of squares, largest.
BOUNDS = {
    "fixed multiplier": (4 * (3 * 7**2 + 1) + 1, 7),
    "steep leaky ReLUs": (4 * 25 * (4 * 25 * (3 * 0.7**2 + 1) + 1) + 1, 25),
    "added constant": (4 * (3 * (0.35**2 + 20**2) + 1) + 1, 20),
    "convolution": (2 * 2 * 9 * (2 * 0.7**2 + 1) / 4 + 1, 1.5),
    "small multiplier": (4 * (3 * 0.007**2 + 1) + 1, 1),
}


@pytest.mark.parametrize("name", networks())
def test_bounds_on_features_hold_for_every_input_of_the_range(name: str) -> None:
    model = networks()[name].double()
    corners = torch.cartesian_prod(*[torch.tensor([-0.7, 0.7], dtype=torch.float64)] * 3)
    inputs = torch.cat([corners, 0.7 * (2 * torch.rand(300, 3, dtype=torch.float64) - 1)])
    z = path_features(model, inputs)
    bounds = feature_bounds(model, inputs[:2], largest=0.7)
    assert float(z.square().sum(1).max()) <= BOUNDS[name][0]
    assert float(z.abs().max()) <= BOUNDS[name][1]
    assert bounds.squared_norms.tolist() == pytest.approx([BOUNDS[name][0]] * 2)
    assert bounds.largest.tolist() == pytest.approx([BOUNDS[name][1]] * 2)


@pytest.mark.parametrize("name", networks())
def test_constants_known_beforehand_hold_whatever_multiplies_features(name: str) -> None:
    data, model = problem(), networks()[name].double()
    found = two_phase_bounds(GatedNetwork(model, torch.from_numpy(data.train.x[:4])), data, 10, largest_input=1.0)
    z = path_features(model, torch.from_numpy(data.train.x))
    known = found.beforehand
    assert known.holds
    assert known.constants.C_zz >= float(z.square().sum(1).max())
    assert known.constants.gamma_zz_squared >= float(z.square().sum(1).max()) ** 2
    assert known.constants.C_yz >= float(z.abs().max())
    assert known.feature_norm**2 >= float(z.square().sum(1).mean())


def test_d_z_is_that_of_the_output_with_the_most_paths() -> None:
    torch.manual_seed(0)
    model = GatedNetwork(Apart().double(), torch.randn(2, 3, dtype=torch.float64))
    found = two_phase_bounds(model, problem(), 10, largest_input=0.5)
    assert found.paths == 4 * (3 + 1) + 1  # beside 3 + 1 of the other output
    assert found.beforehand.constants.C_zz == 4 * (3 * 0.25 + 1) + 1


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"m_first": -5}, "m_first = -5"),
        ({"largest_input": -1.0}, "largest_input = -1"),
        ({"largest_input": float("nan")}, "largest_input = nan"),
        ({"examples": 0}, "examples = 0"),
    ],
)
def test_arguments_out_of_range_are_refused(changed: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        two_phase_bounds(gated(), problem(), **{"m_first": 10, "largest_input": 1.0} | changed)


@pytest.mark.parametrize(("outputs", "classes"), [(1, 2), (2, 3)])
def test_fewer_outputs_than_classes_are_refused(outputs: int, classes: int) -> None:
    data = problem()
    more = Problem("made-up", Split(data.train.x, np.arange(40) % classes), data.test, tuple("abc"[:classes]))
    model = GatedNetwork(nn.Linear(3, outputs).double(), torch.randn(2, 3, dtype=torch.float64))
    with pytest.raises(InputError, match=f"{outputs} outputs? for {classes} classes"):
        two_phase_bounds(model, more, 10, largest_input=1.0)
