"""Exact interpolators as scikit-learn estimators, and regression on random features through the interpolation peak."""

from gengap.interpolate.kernel import KernelInterpolator, KernelInterpolatorClassifier
from gengap.interpolate.random_features import RandomFourierFeatures
from gengap.interpolate.relu import ReLUInterpolator
from gengap.interpolate.ridgeless import RidgelessPoint, ridgeless_path
from gengap.interpolate.triangular import LemmaMatrix, lemma_matrix

__all__ = [
    "KernelInterpolator",
    "KernelInterpolatorClassifier",
    "LemmaMatrix",
    "RandomFourierFeatures",
    "ReLUInterpolator",
    "RidgelessPoint",
    "lemma_matrix",
    "ridgeless_path",
]
