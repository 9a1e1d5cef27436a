"""ResNet-18 of He et al. 2016 (arXiv:1512.03385), table 1, with as many outputs as there are classes."""

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """Two convolutions beside a shortcut, which is a convolution too where the shape changes."""

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(h)) + self.shortcut(x))


def resnet18(channels: int = 3, classes: int = 10) -> nn.Sequential:
    """The network for images of any size, with the paper's first layers: stride 2 and pooling."""
    stem = [nn.Conv2d(channels, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    return _network(stem, classes)


def cifar_resnet18(channels: int = 3, classes: int = 10) -> nn.Sequential:
    """The network as it is used for images of 32 x 32 pixels: a first layer of 3 x 3 with stride 1, without pooling."""
    return _network([nn.Conv2d(channels, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()], classes)


def _network(stem: list[nn.Module], classes: int) -> nn.Sequential:
    blocks: list[nn.Module] = []
    before = 64
    for width in (64, 128, 256, 512):
        blocks += [Block(before, width, 1 if width == 64 else 2), Block(width, width, 1)]
        before = width
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))
