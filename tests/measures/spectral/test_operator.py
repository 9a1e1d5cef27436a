"""Spectral norms: the operator written out column by column, its closed form where it has one, laws, hand cases."""

import math

import pytest
import torch
from torch import Tensor, nn

from gengap.measures.spectral.matrix import matrix_norm, squared_singular_values
from gengap.measures.spectral.operator import operator_norm
from gengap.models.layers import SameConv

CONVOLUTIONS = {
    "zero padding": (nn.Conv2d(3, 5, 3, padding=1), (3, 9, 8)),
    "no padding, 1 x 1": (nn.Conv2d(20, 6, 1), (20, 4, 4)),
    "stride": (nn.Conv2d(3, 6, 5, padding=2, stride=2), (3, 11, 10)),
    "dilation": (nn.Conv2d(4, 4, 3, padding=2, dilation=2), (4, 9, 9)),
    "groups": (nn.Conv2d(6, 4, 3, padding=1, groups=2), (6, 6, 6)),
    "depthwise": (nn.Conv2d(6, 6, 3, padding=1, groups=6), (6, 6, 6)),
    "same, even kernel": (nn.Conv2d(3, 4, 4, padding="same"), (3, 8, 8)),
    "circular": (nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"), (3, 8, 8)),
    "reflect": (nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), (3, 8, 8)),
    "transposed": (nn.ConvTranspose2d(6, 3, 3, stride=2), (6, 5, 5)),
    "pads by itself": (SameConv(3, 4), (3, 8, 9)),
    "one dimension": (nn.Conv1d(4, 5, 3, padding=1), (4, 40)),
    "three dimensions": (nn.Conv3d(2, 3, 3, padding=1), (2, 5, 4, 4)),
    "linear": (nn.Linear(200, 20), (200,)),
    "small: written out": (nn.Conv2d(2, 3, 3, padding=1), (2, 5, 5)),
}


def twin(module: nn.Module, weight: Tensor, shape: tuple[int, ...]) -> float:
    columns = []
    for i in range(math.prod(shape)):
        e = torch.zeros(math.prod(shape), dtype=torch.float64)
        e[i] = 1
        images = torch.func.functional_call(
            module.double(), {"weight": weight.double()}, (torch.stack([e, 0 * e]).reshape(2, *shape),)
        )
        columns.append((images[0] - images[1]).flatten())
    return float(torch.linalg.svdvals(torch.stack(columns, dim=1))[0])


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_operator_norm_is_that_of_the_operator_written_out(case: str) -> None:
    module, shape = CONVOLUTIONS[case]
    weight = torch.randn(module.weight.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    norm = operator_norm(module, weight, shape)
    assert norm.converged
    assert norm.residual <= 1e-4
    assert norm.value == pytest.approx(twin(module, weight, shape), rel=1e-6)


def test_circular_convolution_has_the_closed_form_of_sedghi_et_al() -> None:
    module = nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular")
    weight = module.weight.detach().double()
    transfer = torch.fft.fft2(weight, s=(16, 16)).permute(2, 3, 0, 1)
    closed = float(torch.linalg.matrix_norm(transfer, 2).max())
    assert operator_norm(module, weight, (8, 16, 16)).value == pytest.approx(closed, rel=1e-6)


def test_an_average_over_three_pixels_of_a_circle_has_norm_one_and_zero_padding_less() -> None:
    weight = torch.full((1, 1, 1, 3), 1 / 3, dtype=torch.float64)
    circle = nn.Conv2d(1, 1, (1, 3), padding=(0, 1), padding_mode="circular")
    padded = nn.Conv2d(1, 1, (1, 3), padding=(0, 1))
    assert operator_norm(circle, weight, (1, 1, 300)).value == pytest.approx(1.0, rel=1e-7)
    known = (1 + 2 * math.cos(math.pi / 31)) / 3  # of the tridiagonal 30 x 30 matrix
    assert operator_norm(padded, weight, (1, 1, 30)).value == pytest.approx(known, rel=1e-12)
    assert operator_norm(padded, weight, (1, 6, 30)).value == pytest.approx(known, rel=1e-6)


def test_the_operator_differs_from_the_reshaped_kernel_within_known_limits() -> None:
    module = nn.Conv2d(6, 8, 3, padding=1)
    operator = operator_norm(module, module.weight.detach(), (6, 10, 10)).value
    reshaped = matrix_norm(module.weight.flatten(1)).value
    assert reshaped < operator <= 3 * reshaped  # a 3 x 3 kernel reads each pixel up to nine times


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_norms_scale_with_the_weight(scale: float) -> None:
    module, shape = CONVOLUTIONS["stride"]
    weight = module.weight.detach().double()
    one = operator_norm(module, weight, shape).value
    assert operator_norm(module, scale * weight, shape).value == pytest.approx(scale * one, rel=1e-6)
    matrix = weight.flatten(1)
    assert matrix_norm(1e200 * matrix).value == pytest.approx(1e200 * matrix_norm(matrix).value, rel=1e-12)


def test_dead_layers_have_norm_zero() -> None:
    dead = operator_norm(nn.Conv2d(3, 4, 3), torch.zeros(4, 3, 3, 3), (3, 9, 9))
    assert (dead.value, dead.residual, dead.converged) == (0.0, 0.0, True)
    unused = torch.ones(2, 200, 3, 3)
    unused[:, :, 1, 1] = 0  # only padding meets the other entries
    assert operator_norm(nn.Conv2d(200, 2, 3, padding=1), unused, (200, 1, 1)).value == 0


def test_what_has_not_converged_says_so_and_is_a_lower_bound() -> None:
    torch.manual_seed(0)
    module = nn.Conv2d(8, 8, 3, padding=1)
    weight = module.weight.detach()
    exact = operator_norm(module, weight, (8, 24, 24)).value
    stopped = operator_norm(module, weight, (8, 24, 24), max_restarts=1)
    assert not stopped.converged
    assert stopped.residual > 1e-4
    assert 0.5 * exact < stopped.value <= exact


def test_squared_singular_values_are_those_of_the_library() -> None:
    for shape in [(5, 9), (9, 5), (4, 6, 3)]:
        matrix = torch.randn(shape, dtype=torch.float64)
        expected = torch.linalg.svdvals(matrix).flip(-1) ** 2
        assert torch.allclose(squared_singular_values(matrix), expected, rtol=1e-10, atol=1e-12)
