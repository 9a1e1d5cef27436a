"""Whether gradients are slopes, on functions whose central differences are known; see also test_through_detach."""

from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from gengap.network import gradient_fault
from gengap.network.gradient_check import DIRECTIONS, STEPS, _apart

X, Y = torch.randn(8, 5, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 3


class Counted(nn.Linear):
    """A linear classifier that counts its passes; its weight may be rounded to multiples of a grid."""

    passes: ClassVar[int] = 0

    def __init__(self, grid: float = 0.0):
        torch.manual_seed(0)
        super().__init__(5, 3)
        self.grid = grid

    def forward(self, x: Tensor) -> Tensor:
        type(self).passes += 1
        weight = self.weight
        if self.grid:  # the gradient passes straight through the rounding
            weight = weight + ((weight / self.grid).round() * self.grid - weight).detach()
        return nn.functional.linear(x, weight, self.bias)


@pytest.mark.parametrize(
    ("grid", "steps", "fault"),
    [
        (0.0, 1, False),
        (1e-7, 4, False),  # steps of 1e-6 of the weights see the grid, large ones do not
        (0.5, None, True),
    ],
)
def test_the_first_step_that_agrees_ends_a_direction(grid: float, steps: int | None, fault: bool) -> None:
    Counted.passes = 0
    found = gradient_fault(Counted(grid), X, Y)
    assert bool(found) == fault
    if fault:
        assert Counted.passes == 1 + 2 * len(STEPS)  # of the first direction alone
    else:
        assert 1 + 2 * DIRECTIONS <= Counted.passes <= 1 + 2 * DIRECTIONS * (steps or 0)
        assert steps == 1 or Counted.passes > 1 + 2 * DIRECTIONS


@pytest.mark.parametrize(
    ("difference", "slope", "size", "apart"),
    [(1.0, 1.0, 1.0, False), (1.005, 1.0, 1.0, False), (1.02, 1.0, 1.0, True), (0.02, 0.0, 10.0, False)],
)
def test_a_hundredth_of_the_slope_or_of_its_usual_size_is_allowed(
    difference: float, slope: float, size: float, apart: bool
) -> None:
    assert _apart(difference, slope, size) == apart


class NearTheEdge(nn.Module):
    """Its weights are close to where atanh ends, and the gradient passes straight through a rounding."""

    def __init__(self, weight: float):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(5, 8), nn.Linear(8, 3)
        self.scale = nn.Parameter(torch.full((8,), weight))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x)) * torch.atanh(self.scale)
        return self.last(h + ((4 * h).round() / 4 - h).detach())


@pytest.mark.parametrize("weight", [0.5, 0.9985, 0.9995, 0.99995])
def test_a_step_beyond_where_the_network_has_a_value_proves_nothing(weight: float) -> None:
    assert gradient_fault(NearTheEdge(weight), X, Y)


def test_a_gradient_that_is_no_number_is_no_slope() -> None:
    class Root(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + (self.bias * 0).sqrt()

    assert "nan" in gradient_fault(Root(5, 3), X, Y)
