"""The Langevin search finds what an exhaustive search finds on a toy in two dimensions, and never what is not there."""

import numpy as np
import pytest
import torch
from torch import nn

from gengap import probes
from gengap.errors import InputError


class Rings(nn.Module):
    """Predicts by a wave of the distance from the origin: boundaries that are not lines."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("wave", torch.tensor(3.0, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack(
            [torch.zeros(len(x), dtype=x.dtype), torch.sin(self.wave * x.norm(dim=1)) + 0.3 * x[:, 0]], 1
        )


def exhaustive(model: nn.Module, x: torch.Tensor, radius: float, points: int = 201) -> np.ndarray:
    side = torch.linspace(-radius, radius, points, dtype=x.dtype)
    grid = torch.cartesian_prod(side, side)
    predicted = model(x).argmax(1)
    return np.array([bool((model(one + grid).argmax(1) != k).any()) for one, k in zip(x, predicted, strict=True)])


def test_it_finds_the_flips_that_an_exhaustive_search_finds() -> None:
    x = 3 * torch.randn(80, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = probes.critical_samples(Rings(), x, 0.3, steps=300)
    expected = exhaustive(Rings(), x, 0.3)
    assert 10 < expected.sum() < 70
    assert found.critical.tolist() == expected.tolist()
    assert found.ratio == pytest.approx(expected.mean())


def test_what_it_finds_is_in_the_box_and_is_predicted_otherwise() -> None:
    x = 3 * torch.randn(80, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = probes.critical_samples(Rings(), x, 0.3)
    away = (found.points - x).abs().amax(1).numpy()
    assert (away <= 0.3 + 1e-12).all()
    changed = (Rings()(found.points).argmax(1) != Rings()(x).argmax(1)).numpy()
    assert (changed == found.critical).all()
    assert ((found.steps > 0) == found.critical).all()
    assert (away[~found.critical] == 0).all()


def test_a_larger_box_has_more_and_a_linear_model_is_known() -> None:
    torch.manual_seed(0)
    linear, x = nn.Linear(6, 2).double(), torch.randn(200, 6, dtype=torch.float64)
    w = (linear.weight[1] - linear.weight[0]).detach()
    margin = (x @ w + (linear.bias[1] - linear.bias[0])).abs().detach()
    for radius in (0.05, 0.2, 0.8):
        known = (margin < radius * w.abs().sum()).numpy()  # the corner of the box along the signs of w
        found = probes.critical_samples(linear, x, radius)
        assert not (found.critical & ~known).any()
        assert (found.critical == known).mean() > 0.97  # those within a hair of the corner may be missed


def test_scaling_is_part_of_the_network_and_the_seed_of_the_search() -> None:
    x = 3 * torch.randn(40, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    plain = probes.critical_samples(Rings(), x, 0.3, seed=5)
    scaled = probes.critical_samples(Rings(), 255 * x, 0.3 * 255, seed=5, scaling=lambda v: v / 255)
    assert (plain.critical == scaled.critical).all()
    assert (plain.steps == probes.critical_samples(Rings(), x, 0.3, seed=5).steps).all()


def test_what_cannot_be_searched_is_refused() -> None:
    x = torch.zeros(2, 2)
    for changes in (
        {"radius": 0.0},
        {"radius": np.inf},
        {"radius": np.nan},
        {"radius": 1.0, "steps": 0},
        {"radius": 1.0, "alpha": -1.0},
    ):
        with pytest.raises(InputError, match=list(changes)[-1]):
            probes.critical_samples(Rings(), x, **{"radius": 1.0, **changes})
    with pytest.raises(InputError, match="Inputs of"):
        probes.critical_samples(Rings(), x.long(), 1.0)
    with pytest.raises(InputError, match="rest of the batch"):
        probes.critical_samples(nn.BatchNorm1d(2), x, 1.0)
    with pytest.raises(InputError, match="at least two classes"):
        probes.critical_samples(nn.Linear(2, 1), x, 1.0)


def test_a_mean_over_the_batch_is_refused_behind_a_scaling_too() -> None:
    class Centred(nn.Module):
        def forward(self, x):
            return x - x.mean(0)

    with pytest.raises(InputError, match="rest of the batch"):
        probes.critical_samples(Centred(), torch.rand(4, 2), 1.0, scaling=lambda x: x * 255)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ("abc", "no tensor"),
        (None, "no tensor"),
        ([[1.0, 2.0], [3.0]], "no tensor"),
        (torch.tensor(1.0), "Inputs of shape"),
        (torch.zeros(0, 2), "Inputs of shape"),
        (torch.zeros(2, 2, dtype=torch.complex64), "Inputs of shape"),
    ],
)
def test_inputs_that_are_none_are_named(x, words: str) -> None:
    with pytest.raises(InputError, match=words):
        probes.critical_samples(nn.Linear(2, 2), x, 1.0)


def test_lists_and_arrays_are_inputs_too() -> None:
    found = probes.critical_samples(nn.Linear(2, 2), [[1.0, 2.0], [3.0, 4.0]], 1.0)
    assert len(found.critical) == 2


def test_what_has_no_gradient_or_row_is_named() -> None:
    class Cut(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.no_grad():
                return super().forward(x)

    x = torch.rand(4, 2)
    with pytest.raises(InputError, match="no gradient by its inputs"):
        probes.critical_samples(Cut(2, 2), x, 1.0)
    with pytest.raises(InputError, match=r"scaling gives shape \(1, 2\) for 4 inputs"):
        probes.critical_samples(nn.Linear(2, 2), x, 1.0, scaling=lambda x: x[:1])
    with pytest.raises(InputError, match="The network is a function"):
        probes.critical_samples(lambda x: x, x, 1.0)
    with pytest.raises(InputError, match="radius = 'wide'"):
        probes.critical_samples(nn.Linear(2, 2), x, "wide")
