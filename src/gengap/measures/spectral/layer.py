"""The spectral norm of a layer: of its weight as a matrix, or of the operator on its real input."""

from typing import Literal

from gengap.measures.spectral.matrix import SpectralNorm, matrix_norm
from gengap.measures.spectral.operator import operator_norm
from gengap.network import WeightLayer

NormKind = Literal["matrix", "operator"]


def layer_norm(layer: WeightLayer, kind: NormKind) -> SpectralNorm:
    """The largest singular value of a layer's weight.

    Args:
        layer: The layer.
        kind: ``matrix``: of the weight as a matrix, kernels reshaped to ``[out, in * k…]``; ``operator``: of what the
            layer does to an input of its size in this network, of several sizes the largest. The two differ for
            convolutions alone; where a convolution's input size was not seen, the matrix stands in for the operator,
            and the norm says so.
    """
    if kind == "matrix" or not layer.kind.startswith("conv"):
        return matrix_norm(layer.matrix)
    norms = [
        matrix_norm(layer.matrix)._replace(stand_in=True)
        if shape is None
        else operator_norm(module, layer.weight, shape)
        for module, shape in layer.uses
    ]
    return SpectralNorm(
        value=max(norm.value for norm in norms),
        residual=max(norm.residual for norm in norms),
        converged=all(norm.converged for norm in norms),
        stand_in=any(norm.stand_in for norm in norms),
    )
