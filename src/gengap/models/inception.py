"""The small Inception of Zhang et al. 2017, with and without batch normalisation."""

import torch
from torch import Tensor, nn

from gengap.models.initial import glorot
from gengap.models.layers import CentredNorm, SameConv, SameMaxPool
from gengap.models.registry import Shape, network

SOURCE = "Zhang et al. 2017 (arXiv:1611.03530), figure 3 and Table 1"


@network("inception-small", input_shape=(3, 28, 28), source=SOURCE, smallest=4)
def inception_small(input_shape: Shape, n_classes: int, dropout: float) -> nn.Module:
    """Eight Inception modules, two of them followed by a halving; 1,649,402 parameters on 28 x 28 x 3.

    Each convolution is followed by batch normalisation with an offset and no scale, and has no bias itself: this is
    what the parameter count says, the same with and without normalisation. Dropout, if any, precedes the last layer.
    """
    return _inception(input_shape[0], n_classes, dropout, norm=True)


@network("inception-small-no-bn", input_shape=(3, 28, 28), source=SOURCE, smallest=4)
def inception_small_no_bn(input_shape: Shape, n_classes: int, dropout: float) -> nn.Module:
    """``inception_small`` with a bias in each convolution in place of batch normalisation."""
    return _inception(input_shape[0], n_classes, dropout, norm=False)


def _inception(channels: int, n_classes: int, dropout: float, *, norm: bool) -> nn.Module:
    layers: list[nn.Module] = [_conv(channels, 96, 3, norm)]
    c_in = 96
    for out in ((32, 32), (32, 48), 80, (112, 48), (96, 64), (80, 80), (48, 96), 96, (176, 160), (176, 160)):
        module = Downsample(c_in, out, norm) if isinstance(out, int) else Inception(c_in, *out, norm)
        layers.append(module)
        c_in = module.channels
    head: list[nn.Module] = [nn.Dropout(dropout)] if dropout else []
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), *head, nn.Linear(c_in, n_classes)]
    return glorot(nn.Sequential(*layers))


class Inception(nn.Module):
    """Convolutions 1 x 1 and 3 x 3 of the same input, side by side in the channels."""

    def __init__(self, c_in: int, c_1x1: int, c_3x3: int, norm: bool):
        super().__init__()
        self.conv_1x1 = _conv(c_in, c_1x1, 1, norm)
        self.conv_3x3 = _conv(c_in, c_3x3, 3, norm)
        self.channels = c_1x1 + c_3x3

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, H, W]`` -> ``[B, channels, H, W]``."""
        return torch.cat([self.conv_1x1(x), self.conv_3x3(x)], dim=-3)


class Downsample(nn.Module):
    """A convolution 3 x 3 and a maximum pool 3 x 3 of the same input, both at stride 2, side by side."""

    def __init__(self, c_in: int, c_3x3: int, norm: bool):
        super().__init__()
        self.conv_3x3 = _finish(SameConv(c_in, c_3x3, bias=not norm), norm)
        self.pool = SameMaxPool()
        self.channels = c_3x3 + c_in

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, H, W]`` -> ``[B, channels, ceil(H / 2), ceil(W / 2)]``."""
        return torch.cat([self.conv_3x3(x), self.pool(x)], dim=-3)


def _conv(c_in: int, c_out: int, side: int, norm: bool) -> nn.Sequential:
    return _finish(nn.Conv2d(c_in, c_out, side, padding=side // 2, bias=not norm), norm)


def _finish(conv: nn.Conv2d, norm: bool) -> nn.Sequential:
    middle = [CentredNorm(conv.out_channels)] if norm else []
    return nn.Sequential(conv, *middle, nn.ReLU())
