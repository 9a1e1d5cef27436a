"""Inception v3 of Szegedy et al. 2016, which Zhang et al. 2017 train on ImageNet."""

import torch
from torch import Tensor, nn

from gengap.models.initial import glorot
from gengap.models.registry import Shape, network

Kernel = int | tuple[int, int]


@network(
    "inception-v3",
    input_shape=(3, 299, 299),
    source="Szegedy et al. 2016 (arXiv:1512.00567), table 1 and figures 5 to 7 and 10; widths within modules from the "
    "published implementation of TensorFlow, whose parameter count it has",
    smallest=75,
)
def inception_v3(input_shape: Shape, n_classes: int, dropout: float) -> nn.Module:
    """A stem, eleven modules of parallel branches and a mean over positions; 23,834,568 parameters for 1,000 classes.

    Each convolution has no bias and is followed by batch normalisation and a ReLU; 299 x 299 pixels become 35 x 35,
    17 x 17 and 8 x 8. The auxiliary classifier (3,326,696 parameters more) is left out. Dropout, if any, precedes the
    last layer.
    """
    layers = [
        *_chain(input_shape[0], (32, 3, 2), (32, 3, 1)),
        _conv(32, 64, 3, same=True),
        nn.MaxPool2d(3, stride=2),
        *_chain(64, (80, 1, 1), (192, 3, 1)),
        nn.MaxPool2d(3, stride=2),
        *(_fine(c_in, pooled) for c_in, pooled in ((192, 32), (256, 64), (288, 64))),
        Branches(
            _chain(288, (384, 3, 2)),
            [*_same(288, (64, 1), (96, 3)), *_chain(96, (96, 3, 2))],
            [nn.MaxPool2d(3, stride=2)],
        ),
        *(_factorised(width) for width in (128, 160, 160, 192)),
        Branches(
            [*_same(768, (192, 1)), *_chain(192, (320, 3, 2))],
            [*_same(768, (192, 1), (192, (1, 7)), (192, (7, 1))), *_chain(192, (192, 3, 2))],
            [nn.MaxPool2d(3, stride=2)],
        ),
        *(_wide(c_in) for c_in in (1280, 2048)),
    ]
    head: list[nn.Module] = [nn.Dropout(dropout)] if dropout else []
    return glorot(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *head, nn.Linear(2048, n_classes)))


class Branches(nn.Module):
    """Chains of layers on the same input, their outputs side by side in the channels."""

    def __init__(self, *chains: list[nn.Module]):
        super().__init__()
        self.chains = nn.ModuleList(nn.Sequential(*chain) for chain in chains)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, H, W]`` -> ``[B, C', H', W']``."""
        return torch.cat([chain(x) for chain in self.chains], dim=-3)


def _fine(c_in: int, pooled: int) -> Branches:
    """35 x 35: a convolution 5 x 5, and in its place two of 3 x 3 (figure 5)."""
    return Branches(
        _same(c_in, (64, 1)),
        _same(c_in, (48, 1), (64, 5)),
        _same(c_in, (64, 1), (96, 3), (96, 3)),
        _pooled(c_in, pooled),
    )


def _factorised(width: int) -> Branches:
    """17 x 17: convolutions 7 x 7 as pairs of 1 x 7 and 7 x 1 (figure 6)."""
    row, column = (1, 7), (7, 1)
    return Branches(
        _same(768, (192, 1)),
        _same(768, (width, 1), (width, row), (192, column)),
        _same(768, (width, 1), (width, column), (width, row), (width, column), (192, row)),
        _pooled(768, 192),
    )


def _wide(c_in: int) -> Branches:
    """8 x 8: convolutions 1 x 3 and 3 x 1 side by side (figure 7)."""

    def fan(*before: tuple[int, Kernel]) -> list[nn.Module]:
        return [*_same(c_in, *before), Branches(_same(384, (384, (1, 3))), _same(384, (384, (3, 1))))]

    return Branches(_same(c_in, (320, 1)), fan((384, 1)), fan((448, 1), (384, 3)), _pooled(c_in, 192))


def _pooled(c_in: int, c_out: int) -> list[nn.Module]:
    """Means over 3 x 3 pixels, padding left out, then a convolution 1 x 1."""
    return [nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False), *_same(c_in, (c_out, 1))]


def _same(c_in: int, *convolutions: tuple[int, Kernel]) -> list[nn.Module]:
    """Convolutions (channels, kernel) one after the other that keep the sides of their input."""
    widths = [c_in, *(c_out for c_out, _ in convolutions)]
    return [
        _conv(before, c_out, kernel, same=True) for before, (c_out, kernel) in zip(widths, convolutions, strict=False)
    ]


def _chain(c_in: int, *convolutions: tuple[int, int, int]) -> list[nn.Module]:
    """Convolutions (channels, kernel, stride) one after the other, without padding."""
    widths = [c_in, *(c_out for c_out, _, _ in convolutions)]
    return [
        _conv(before, c_out, kernel, stride=stride)
        for before, (c_out, kernel, stride) in zip(widths, convolutions, strict=False)
    ]


def _conv(c_in: int, c_out: int, kernel: Kernel, *, stride: int = 1, same: bool = False) -> nn.Sequential:
    convolution = nn.Conv2d(c_in, c_out, kernel, stride=stride, padding="same" if same else 0, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(c_out, eps=1e-3), nn.ReLU())
