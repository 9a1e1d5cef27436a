"""The spectral norm of a network's layer, in either meaning."""

from typing import Literal

from gengap.measures.network import WeightLayer
from gengap.measures.spectral.matrix import matrix_norm
from gengap.measures.spectral.norm import SpectralNorm
from gengap.measures.spectral.operator import operator_norm

NormKind = Literal["matrix", "operator"]


def layer_norm(layer: WeightLayer, kind: NormKind) -> SpectralNorm:
    """The largest singular value of a layer's weight.

    Args:
        layer: The layer.
        kind: ``matrix``: of the weight as a matrix, kernels reshaped to ``[out, in * k…]``; ``operator``: of what the
            layer does to an input of its size in this network. The two differ for convolutions alone; where a
            convolution's input size was not seen, the matrix stands in for the operator, and the norm says so.
    """
    if kind == "matrix" or not layer.kind.startswith("conv"):
        return matrix_norm(layer.matrix)
    if layer.input_shape is None:
        return matrix_norm(layer.matrix)._replace(stand_in=True)
    return operator_norm(layer.module, layer.weight, layer.input_shape)
