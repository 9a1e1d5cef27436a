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


class SameConv(nn.Conv2d):
    """3 x 3 convolution at stride 2 with SAME padding, aligned as in ``SameMaxPool``: side n becomes ceil(n / 2)."""

    def __init__(self, c_in: int, c_out: int, *, bias: bool = True):
        super().__init__(c_in, c_out, 3, stride=2, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """``[B, C, H, W]`` -> ``[B, C', ceil(H / 2), ceil(W / 2)]``."""
        odd_h, odd_w = input.shape[-2] % 2, input.shape[-1] % 2
        return super().forward(nn.functional.pad(input, (odd_w, 1, odd_h, 1)))


class CentredNorm(nn.Module):
    """Batch normalisation with an offset but no scale, so that it has as many parameters as a bias.

    Running statistics follow PyTorch's rule (the unbiased variance) and are updated in place, which
    ``torch.func.functional_call`` under ``vmap`` allows as long as the buffers are mapped too.

    Args:
        channels: Number of channels C.
        eps: Added to the variance; TensorFlow-Slim's 0.001.
        momentum: Weight of the newest batch in the running statistics, PyTorch's 0.1. (TensorFlow-Slim's 0.001 or
            less would need several epochs of 391 steps to forget the initial values.)
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, eps: float = 1e-3, momentum: float = 0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, H, W]`` -> the same shape."""
        return nn.functional.batch_norm(
            x, self.running_mean, self.running_var, None, self.bias, self.training, self.momentum, self.eps
        )


class LocalResponseNorm(nn.Module):
    r"""Response normalisation across channels, as TensorFlow defines it, with bias 1 and exponent 3/4.

    :math:`y_c = x_c (1 + t_c)^{-3/4}` with :math:`t_c = \alpha \sum_{|d| \le r} x_{c+d}^2`, where channels outside
    the range count as zero. ``torch.nn.LocalResponseNorm(2 * r + 1, alpha=(2 * r + 1) * alpha, beta=0.75, k=1)`` is
    the same function (it divides its alpha by the window's size), but much slower on a CPU.

    The window sum is a 1 x 1 convolution with a banded matrix. In bfloat16, 1 + t would round to 1 for a small t, so
    the factor minus one is computed instead, as expm1(-3/4 log1p(t)), and y in one rounding.

    Args:
        radius: Half width r of the window, in channels.
        alpha: The factor above. The defaults are those of TensorFlow's CIFAR-10 tutorial.
    """

    def __init__(self, *, radius: int = 4, alpha: float = 0.001 / 9):
        super().__init__()
        self.radius, self.alpha = radius, alpha

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, H, W]`` -> the same shape and type."""
        channels = x.shape[-3]
        window = torch.full((channels, channels), self.alpha, dtype=x.dtype, device=x.device)
        window = window.triu(-self.radius).tril(self.radius)
        t = nn.functional.conv2d(x.square(), window[:, :, None, None])
        return torch.addcmul(x, x, torch.expm1(-0.75 * torch.log1p(t)))
