"""Spectral norms of layers: of the weight as a matrix, and of convolutions as operators."""
