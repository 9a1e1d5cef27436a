"""Initial weights of the networks of Zhang et al. 2017, which the paper does not give."""

from torch import nn


def glorot(network: nn.Sequential) -> nn.Sequential:
    """The network with weights uniform in +-sqrt(6 / (fan_in + fan_out)) and biases zero, drawn anew in place.

    Source: Glorot and Bengio 2010, equation 16; the default of TensorFlow-Slim, in whose style the networks are
    specified. With the paper's learning rate of 0.1 the small Inception without batch normalisation learns from
    these weights; from He's, of variance 2 / fan_in, it diverges, and from PyTorch's default it stays at chance.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network
