"""Exact interpolators as scikit-learn estimators, and regression on random features through the interpolation peak."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gengap.interpolate.double_descent import RandomFourierFeatures, RidgelessPoint, ridgeless_path
from gengap.interpolate.kernel import KernelInterpolator, KernelInterpolatorClassifier
from gengap.interpolate.relu import LemmaMatrix, ReLUInterpolator, lemma_matrix
from gengap.interpolate.smoothers import (
    boosting_weights,
    effective_parameters,
    forest_weights,
    leaf_weights,
    neighbour_weights,
)

if TYPE_CHECKING:
    from gengap.interpolate.kernel import NeuralTangent as NeuralTangent

__all__ = [
    # Kernel machines
    "KernelInterpolator",
    "KernelInterpolatorClassifier",
    "NeuralTangent",
    # Theorem 1 of Zhang et al. 2017
    "ReLUInterpolator",
    "LemmaMatrix",
    "lemma_matrix",
    # Random features and minimum-norm least squares on them
    "RandomFourierFeatures",
    "RidgelessPoint",
    "ridgeless_path",
    # Effective number of parameters
    "effective_parameters",
    "neighbour_weights",
    "leaf_weights",
    "forest_weights",
    "boosting_weights",
]


def __getattr__(name: str) -> Any:
    """``NeuralTangent``, which needs torch, when it is first used."""
    if name == "NeuralTangent":
        return import_module("gengap.interpolate.kernel").NeuralTangent
    raise AttributeError(f"module 'gengap.interpolate' has no attribute {name!r}")
