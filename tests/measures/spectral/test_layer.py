"""The spectral norm of a layer as the network calls it, against the operator written out."""

import pytest
import torch
from measured_networks import CLASSES, problem
from torch import Tensor, nn

from gengap.measures import Subject


class Upsampling(nn.Module):
    """A transposed convolution that is given the size of its output."""

    def __init__(self, sizes: list[tuple[int, int]]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.sizes = sizes
        self.up = nn.ConvTranspose2d(1, 2, 3, stride=2, padding=1)
        self.head = nn.Linear(sum(2 * a * b for a, b in sizes), CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        outputs = [self.up(x, output_size=size) for size in self.sizes]
        return self.head(torch.cat([torch.relu(out).flatten(1) for out in outputs], 1))


class Dilating(nn.Module):
    """One convolution, dilated anew before each call."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(1, 2, 3, padding="same"), nn.Linear(128, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        total = torch.zeros(())
        for dilation in (1, 2):
            self.conv.dilation = (dilation, dilation)
            self.conv._reversed_padding_repeated_twice = [dilation] * 4
            total = total + self.conv(x)
        return self.head(torch.relu(total).flatten(1))


def _norm(operator: object) -> float:
    """The largest singular value of a linear map of 1 x 8 x 8 inputs, written out."""
    inputs = torch.eye(64, dtype=torch.float64).view(64, 1, 8, 8)
    with torch.no_grad():
        matrix = (operator(inputs) - operator(torch.zeros_like(inputs))).flatten(1)
    return float(torch.linalg.matrix_norm(matrix, 2))


@pytest.mark.parametrize("sizes", [[(15, 15)], [(16, 16)], [(15, 16)], [(15, 15), (16, 15)]])
def test_a_transposed_convolution_is_the_operator_of_its_output_size(sizes: list[tuple[int, int]]) -> None:
    model = Upsampling(sizes)
    up = Upsampling(sizes).up.double()
    expected = max(_norm(lambda x, size=size: up(x, output_size=size)) for size in sizes)
    norm = Subject(model, problem()).spectral_norms("operator")["up"]
    assert norm.value == pytest.approx(expected, rel=1e-6)


def test_a_convolution_that_is_set_anew_before_each_call_is_the_largest_of_its_operators() -> None:
    conv = Dilating().conv.double()
    expected = max(
        _norm(lambda x, d=d: nn.functional.conv2d(x, conv.weight, conv.bias, dilation=d, padding=d)) for d in (1, 2)
    )
    assert Subject(Dilating(), problem()).spectral_norms("operator")["conv"].value == pytest.approx(expected, rel=1e-6)
