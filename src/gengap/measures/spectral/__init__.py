"""Spectral norms of layers: of the weight as a matrix, and of the operator on its real input."""

from gengap.measures.spectral.layer import NormKind, layer_norm
from gengap.measures.spectral.matrix import SpectralNorm, matrix_norm, squared_singular_values
from gengap.measures.spectral.operator import operator_norm

__all__ = [
    # of a matrix
    "SpectralNorm",
    "matrix_norm",
    "squared_singular_values",
    # of a layer
    "NormKind",
    "layer_norm",
    "operator_norm",
]
