"""Deep paths: a network's outputs as a sum over paths of weight times feature, and inner products of the features."""

from gengap.probes.paths.enumeration import Paths, enumerated, path_features, path_weights
from gengap.probes.paths.feature_bounds import FeatureBounds, feature_bounds
from gengap.probes.paths.kernel import PathKernel, path_kernel, path_kernels
from gengap.probes.paths.norms import path_count, path_norms

__all__ = [
    # Path by path
    "Paths",
    "enumerated",
    "path_features",
    "path_weights",
    # Without listing them
    "FeatureBounds",
    "PathKernel",
    "feature_bounds",
    "path_count",
    "path_kernel",
    "path_kernels",
    "path_norms",
]
