"""Layers that PyTorch lacks or computes slowly: SAME padding as TensorFlow aligns it, and response normalisation."""

import torch
from torch import Tensor, nn


class SameMaxPool(nn.Module):
    """Maximum over 3 x 3 windows at stride 2 with SAME padding: side n becomes ceil(n / 2).

    SAME pads one pixel in all for an even side, at the bottom and right, and one at each end for an odd side.
    Padding never wins the maximum. So windows start at pixel 0, 2, 4, … of an even side (PyTorch's ``padding=1``
    would start them at -1), which is what ``ceil_mode`` without padding does.
    """

    def forward(self, x: Tensor) -> Tensor:
        """``[…, H, W]`` -> ``[…, ceil(H / 2), ceil(W / 2)]``."""
        odd = (x.shape[-2] % 2, x.shape[-1] % 2)
        return nn.functional.max_pool2d(x, 3, stride=2, padding=odd, ceil_mode=True)


class LocalResponseNorm(nn.Module):
    r"""Response normalisation across channels, as TensorFlow defines it.

    :math:`y_c = x_c \,/\, (\mathrm{bias} + \alpha \sum_{|d| \le r} x_{c+d}^2)^{3/4}`, where channels outside the
    range count as zero. ``torch.nn.LocalResponseNorm(size=2r+1, alpha=(2r+1)*alpha, beta=0.75, k=bias)`` is the same
    function: it divides its alpha by the window's size.

    Args:
        channels: Number of channels C.
        radius: Half width r of the window, in channels.
        bias, alpha: The constants above.
    """

    band: Tensor

    def __init__(self, channels: int, *, radius: int = 4, bias: float = 1.0, alpha: float = 0.001 / 9):
        super().__init__()
        self.bias, self.alpha = bias, alpha
        c = torch.arange(channels)
        band = (c[:, None] - c[None, :]).abs() <= radius
        self.register_buffer("band", band.to(torch.get_default_dtype())[:, :, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, H, W]`` -> the same shape."""
        total = nn.functional.conv2d(x.square(), self.band.to(x.dtype))
        scale = (self.bias + self.alpha * total).rsqrt()
        return x * scale * scale.sqrt()
