"""A five-layer network in place of the one of Liao et al. 2018, whose sizes are not published."""

from itertools import pairwise

from torch import nn

from gengap.models.layers import CentredNorm, SameConv
from gengap.models.registry import Shape, network


@network(
    "convnet-5",
    input_shape=(3, 32, 32),
    source="Liao et al. 2018 (arXiv:1807.09659), the 5-layer network: convolutions only, no pooling, batch "
    "normalisation; its sizes are not given, these are ours",
    smallest=4,
)
def convnet_5(input_shape: Shape, n_classes: int, dropout: float) -> nn.Module:
    """Four convolutions 3 x 3 at stride 2 (32, 64, 64, 128 channels) and a layer over all that remains.

    The last layer is linear, which is a convolution as large as its input. Each convolution is followed by batch
    normalisation with an offset; it can be absorbed into the weights afterwards, as the paper does. 135,306
    parameters on 32 x 32 x 3 with ten classes. Dropout, if any, precedes the last layer. Initial
    weights are PyTorch's default.
    """
    return _network(input_shape, n_classes, dropout, batch_norm=True)


@network(
    "convnet-5-no-bn",
    input_shape=(3, 32, 32),
    source="Liao et al. 2018 (arXiv:1807.09659), the 5-layer network without batch normalisation; sizes are ours",
    smallest=4,
)
def convnet_5_no_bn(input_shape: Shape, n_classes: int, dropout: float) -> nn.Module:
    """``convnet_5`` with biases in place of batch normalisation, hence as many parameters."""
    return _network(input_shape, n_classes, dropout, batch_norm=False)


def _network(input_shape: Shape, n_classes: int, dropout: float, *, batch_norm: bool) -> nn.Module:
    channels, height, width = input_shape
    layers: list[nn.Module] = []
    for c_in, c_out in pairwise((channels, 32, 64, 64, 128)):
        layers.append(SameConv(c_in, c_out, bias=not batch_norm))
        layers += [CentredNorm(c_out), nn.ReLU()] if batch_norm else [nn.ReLU()]
        height, width = -(-height // 2), -(-width // 2)
    head: list[nn.Module] = [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers, nn.Flatten(), *head, nn.Linear(128 * height * width, n_classes))
