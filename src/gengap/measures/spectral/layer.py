"""The spectral norm of a weight layer, in either meaning."""

from typing import Literal

from torch.nn.modules.conv import _ConvNd

from gengap.measures.network import WeightLayer
from gengap.measures.spectral.matrix import matrix_norm
from gengap.measures.spectral.norm import SpectralNorm
from gengap.measures.spectral.operator import operator_norm

NormKind = Literal["matrix", "operator"]


def layer_norm(layer: WeightLayer, kind: NormKind) -> SpectralNorm | None:
    """The spectral norm of a layer's linear map.

    Args:
        layer: The layer.
        kind: ``matrix``: of the weight as a matrix, a kernel reshaped to ``[out, in * k…]``. ``operator``: of what
            the layer does to an input of the size that it has in this network; the two differ for convolutions alone.

    Returns:
        None for the operator of a convolution whose input was not seen.
    """
    if kind == "matrix" or not isinstance(layer.module, _ConvNd):
        return matrix_norm(layer.matrix)
    if layer.input_shape is None:
        return None
    return operator_norm(layer.module, layer.weight, layer.input_shape)
