"""Exact interpolators as scikit-learn estimators, and regression on random features through the interpolation peak."""

from gengap.interpolate.relu import ReLUInterpolator
from gengap.interpolate.triangular import LemmaMatrix, lemma_matrix

__all__ = ["LemmaMatrix", "ReLUInterpolator", "lemma_matrix"]
