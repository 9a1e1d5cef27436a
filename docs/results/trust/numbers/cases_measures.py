"""Cases of ``gengap.measure``."""

import numpy as np
import torch
from case import case
from torch import nn

import gengap
from gengap.data import Problem, Split

OPERATORS = "operators as they are called"


def made_up(shape: tuple[int, ...], n: int = 64, classes: int = 3) -> Problem:
    """A Problem of Gaussian inputs with their labels in turn."""
    x = np.random.default_rng(0).normal(size=(n, *shape)).astype(np.float32)
    y = np.arange(n) % classes
    return Problem("made-up", Split(x, y), Split(x[:8], y[:8]), tuple("abcdefghij"[:classes]))


class Upsampling(nn.Module):
    """A transposed convolution that is given the size of its output."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.up, self.head = nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1), nn.Linear(128, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of 8 x 8 pixels, where the layer alone makes 7 x 7."""
        return self.head(torch.relu(self.up(x, output_size=(8, 8))).flatten(1))


@case(OPERATORS, "ConvTranspose2d(2, 2, 3, stride=2, padding=1) with output_size=(8, 8) on 4 x 4: spectral norm")
def transposed_with_output_size() -> tuple[float, float]:
    """The operator written out as a matrix."""
    up = Upsampling().up.double().requires_grad_(False)
    inputs = torch.eye(32, dtype=torch.float64).view(32, 2, 4, 4)
    operator = (up(inputs, output_size=(8, 8)) - up.bias.view(1, 2, 1, 1)).flatten(1)
    right = float(torch.linalg.matrix_norm(operator, 2))
    row = gengap.measure(Upsampling(), made_up((2, 4, 4)), measures=["prod_of_spec_operator"]).iloc[0]
    return right, row.details["norms"]["up"]
