"""The three-layer ConvNet of Liao et al. 2018."""

from torch import nn

from gengap.models.registry import Shape, network


@network(
    "convnet-3",
    input_shape=(3, 32, 32),
    source="Liao et al. 2018 (arXiv:1807.09659), the 3-layer network; widths from the authors' code",
    smallest=9,
)
def convnet_3(input_shape: Shape, n_classes: int, dropout: float) -> nn.Module:
    """Two convolutions 5 x 5 of 24 channels without padding, and a linear layer; 154,464 parameters on 32 x 32 x 3.

    Only the first layer has a bias, so that f is homogeneous in each later layer's weights. No pooling. Dropout, if
    any, precedes the last layer. Initial weights are PyTorch's default, as in the authors' code.
    """
    channels, height, width = input_shape
    head: list[nn.Module] = [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(
        nn.Conv2d(channels, 24, 5),
        nn.ReLU(),
        nn.Conv2d(24, 24, 5, bias=False),
        nn.ReLU(),
        nn.Flatten(),
        *head,
        nn.Linear(24 * (height - 8) * (width - 8), n_classes, bias=False),
    )
