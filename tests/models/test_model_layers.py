"""Layers against naive twins in float64."""

import pytest
import torch
from torch import Tensor, nn

from gengap.models.layers import CentredNorm, LocalResponseNorm, SameConv, SameMaxPool

torch.manual_seed(0)


def same_padded(x: Tensor, value: float) -> Tensor:
    """TensorFlow's rule for windows of 3 at stride 2: the total padding, with its larger half at the end."""
    for axis in (2, 3):
        side = x.shape[axis]
        total = max((-(-side // 2) - 1) * 2 + 3 - side, 0)
        shape = list(x.shape)
        shape[axis] = 1
        edge = torch.full(shape, value, dtype=x.dtype)
        x = torch.cat([edge] * (total // 2) + [x] + [edge] * (total - total // 2), axis)
    return x


SIDES = [(28, 28), (14, 14), (7, 7), (4, 5), (2, 1)]


@pytest.mark.parametrize("sides", SIDES)
def test_max_pool_is_tensorflows_same(sides: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *sides, dtype=torch.float64) - 5  # all negative: padding with zeros would show
    windows = same_padded(x, -torch.inf).unfold(2, 3, 2).unfold(3, 3, 2)
    assert torch.equal(SameMaxPool()(x), windows.amax((-2, -1)))


@pytest.mark.parametrize("sides", SIDES)
def test_strided_convolution_is_tensorflows_same(sides: tuple[int, int]) -> None:
    conv = SameConv(3, 4).double()
    x = torch.randn(2, 3, *sides, dtype=torch.float64)
    windows = same_padded(x, 0.0).unfold(2, 3, 2).unfold(3, 3, 2)
    naive = torch.einsum("bchwij,ocij->bohw", windows, conv.weight) + conv.bias[:, None, None]
    torch.testing.assert_close(conv(x), naive)


def test_same_padding_on_an_even_side_starts_at_the_first_pixel() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert SameMaxPool()(x).flatten().tolist() == [10.0, 11.0, 14.0, 15.0]


@pytest.mark.parametrize("channels", [1, 5, 64])
def test_response_norm_equals_pytorchs_with_its_gradient(channels: int) -> None:
    x = (30 * torch.randn(3, channels, 4, 5, dtype=torch.float64)).requires_grad_()
    ours = LocalResponseNorm()(x)
    theirs = nn.LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1.0)(x)  # PyTorch divides alpha by the size
    torch.testing.assert_close(ours, theirs)
    g = torch.randn_like(x)
    torch.testing.assert_close(*(torch.autograd.grad(y, x, g)[0] for y in (ours, theirs)))


def test_response_norm_by_hand() -> None:
    x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64).view(1, 3, 1, 1)
    y = LocalResponseNorm(radius=1, alpha=0.5)(x).flatten()
    sums = torch.tensor([5.0, 14.0, 13.0], dtype=torch.float64)
    torch.testing.assert_close(y, x.flatten() * (1 + 0.5 * sums) ** -0.75)


@pytest.mark.parametrize("size", [0.3, 3.0, 30.0])
def test_response_norm_in_bfloat16_is_rounded_little_more_than_its_output(size: float) -> None:
    x = (size * torch.randn(4, 64, 8, 8)).relu().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        y = LocalResponseNorm()(x)
    exact = LocalResponseNorm()(x.double())
    rounded = exact.bfloat16().double()
    assert y.dtype == torch.bfloat16
    assert (y.double() - exact).norm() < 1.5 * (rounded - exact).norm()
    assert abs(float((y.double() - rounded).sum() / exact.sum())) < 2**-11  # nor does it drift


@pytest.mark.parametrize("training", [True, False])
def test_centred_norm_equals_batch_norm_with_scale_one(training: bool) -> None:
    ours = CentredNorm(3).double().train(training)
    theirs = nn.BatchNorm2d(3, eps=1e-3).double().train(training)
    for _ in range(2):
        x = 2 + 3 * torch.randn(4, 3, 5, 5, dtype=torch.float64)
        torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
