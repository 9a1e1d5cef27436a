"""The Network-in-Network of Dziugaite et al. 2020 (arXiv:2010.11924), here of depth 2 and 25 channels."""

from torch import nn

DEPTH, WIDTH = 2, 25


def nin(channels: int = 3, classes: int = 10) -> nn.Sequential:
    """Blocks of a convolution with stride 2 and two with kernel 1, a last one to the classes, and the mean over places.

    Each convolution is followed by batch norm and ReLU, the last one too.
    """
    layers: list[nn.Module] = []
    for _ in range(DEPTH):
        layers += [*_unit(channels, 3, 2), *_unit(WIDTH, 1, 1), *_unit(WIDTH, 1, 1)]
        channels = WIDTH
    last = [nn.Conv2d(WIDTH, classes, 1), nn.BatchNorm2d(classes), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, *last, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _unit(channels: int, kernel: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, WIDTH, kernel, stride, padding=kernel // 2)
    return [convolution, nn.BatchNorm2d(WIDTH), nn.ReLU(inplace=True)]
