"""The small AlexNet of Zhang et al. 2017."""

from torch import nn

from gengap.models.initial import glorot
from gengap.models.layers import LocalResponseNorm, SameMaxPool
from gengap.models.registry import Shape, network


@network(
    "alexnet-small",
    input_shape=(3, 28, 28),
    source="Zhang et al. 2017 (arXiv:1611.03530), appendix A and Table 1; constants of the response normalisation "
    "and the widths from the parameter count and the TensorFlow tutorial it follows",
    smallest=4,
)
def alexnet_small(input_shape: Shape, n_classes: int, dropout: float) -> nn.Module:
    """Two modules of convolution 5 x 5, pool and response normalisation, then 384 and 192 ReLUs.

    1,387,786 parameters on 28 x 28 x 3 with ten classes: this count fixes 64 channels in each convolution, SAME
    padding and pools of stride 2 (28 -> 14 -> 7). Dropout, if any, follows the two wide layers.
    """
    channels, height, width = input_shape
    pooled = -(-height // 4) * -(-width // 4)
    layers = [
        *_module(channels, 64),
        *_module(64, 64),
        nn.Flatten(),
        *_dense(64 * pooled, 384, dropout),
        *_dense(384, 192, dropout),
        nn.Linear(192, n_classes),
    ]
    return glorot(nn.Sequential(*layers))


def _module(c_in: int, c_out: int) -> list[nn.Module]:
    # ReLU commutes with the maximum, gradient included, and is four times cheaper after it.
    return [nn.Conv2d(c_in, c_out, 5, padding=2), SameMaxPool(), nn.ReLU(), LocalResponseNorm()]


def _dense(n_in: int, n_out: int, dropout: float) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Linear(n_in, n_out), nn.ReLU()]
    return [*layers, nn.Dropout(dropout)] if dropout else layers
