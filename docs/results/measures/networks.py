"""A small residual network and a small transformer for images of 28 x 28 pixels, written as their users write them."""

import torch
from torch import Tensor, nn

PATCH = 7


class Block(nn.Module):
    """Two convolutions 3 x 3 with batch norm, and a way around them (He et al. 2016, arXiv:1512.03385)."""

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(c_out)
        self.conv2, self.norm2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out)
        self.around = nn.Sequential()
        if stride > 1 or c_in != c_out:
            self.around = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``[B, c_in, H, W]`` to ``[B, c_out, H / stride, W / stride]``."""
        h = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.around(x) + self.norm2(self.conv2(h)))


def resnet8(input_shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """Three blocks of 16, 32 and 64 channels: 78,042 parameters on 28 x 28 x 3 with ten classes."""
    stem = [nn.Conv2d(input_shape[0], 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    blocks = [Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, n_classes))


class PatchTransformer(nn.Module):
    """A transformer over patches of 7 x 7 pixels (Dosovitskiy et al. 2021, arXiv:2010.11929), averaged at the end."""

    def __init__(self, input_shape: tuple[int, int, int], n_classes: int, width: int = 64, depth: int = 2):
        super().__init__()
        channels, height, size = input_shape
        self.patches = nn.Conv2d(channels, width, PATCH, PATCH)
        self.positions = nn.Parameter(0.02 * torch.randn((height // PATCH) * (size // PATCH), width))
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores ``[B, C]``."""
        words = self.patches(x).flatten(2).transpose(1, 2)
        scores: Tensor = self.head(self.encoder(words + self.positions).mean(1))
        return scores
