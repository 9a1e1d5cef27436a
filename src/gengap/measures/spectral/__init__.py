"""Spectral norms of layers: of the weight as a matrix, and of the operator on its real input."""

from gengap.measures.spectral.matrix import matrix_norm, squared_singular_values
from gengap.measures.spectral.norm import SpectralNorm
from gengap.measures.spectral.operator import operator_norm

__all__ = ["SpectralNorm", "matrix_norm", "operator_norm", "squared_singular_values"]
