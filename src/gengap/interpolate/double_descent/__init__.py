"""Double descent: random features and networks of growing width, and where a curve of risks peaks."""

from gengap.interpolate.double_descent.peak import Peak, find_peak
from gengap.interpolate.double_descent.random_features import RandomFourierFeatures
from gengap.interpolate.double_descent.ridgeless import ridgeless_path
from gengap.interpolate.double_descent.ridgeless_point import RidgelessPoint
from gengap.interpolate.double_descent.widths import Training, WidthPoint, width_path

__all__ = [
    # Least squares of minimum norm on random features
    "RandomFourierFeatures",
    "RidgelessPoint",
    "ridgeless_path",
    # Networks of growing width
    "Training",
    "WidthPoint",
    "width_path",
    # Where a curve peaks
    "Peak",
    "find_peak",
]
