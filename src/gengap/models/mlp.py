"""Multilayer perceptrons of Zhang et al. 2017."""

from itertools import pairwise
from math import prod

from torch import nn

from gengap.models.initial import glorot
from gengap.models.registry import Shape, family, network

SOURCE = "Zhang et al. 2017 (arXiv:1611.03530), section 3 and Table 1"


@network("mlp-1x512", input_shape=(3, 28, 28), source=SOURCE)
def mlp_1x512(input_shape: Shape, n_classes: int, dropout: float) -> nn.Module:
    """One hidden layer of 512 ReLUs; 1,209,866 parameters on 28 x 28 x 3 with ten classes."""
    return mlp(input_shape, n_classes, dropout, depth=1, width=512)


@network("mlp-3x512", input_shape=(3, 28, 28), source=SOURCE)
def mlp_3x512(input_shape: Shape, n_classes: int, dropout: float) -> nn.Module:
    """Three hidden layers of 512 ReLUs; 1,735,178 parameters on 28 x 28 x 3 with ten classes."""
    return mlp(input_shape, n_classes, dropout, depth=3, width=512)


@family("mlp")
def mlp(input_shape: Shape, n_classes: int, dropout: float, *, depth: int, width: int) -> nn.Module:
    """Multilayer perceptrons of ``depth`` hidden layers of ``width`` ReLUs; dropout, if any, follows each."""
    layers: list[nn.Module] = [nn.Flatten()]
    sizes = [prod(input_shape), *[width] * depth]
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return glorot(nn.Sequential(*layers, nn.Linear(width, n_classes)))
