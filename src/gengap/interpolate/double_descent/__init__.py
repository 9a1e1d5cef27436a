"""Double descent: where a curve of risks peaks, and networks of growing width."""

from gengap.interpolate.double_descent.peak import Peak, find_peak
from gengap.interpolate.double_descent.widths import Training, WidthPoint, width_path

__all__ = ["Peak", "Training", "WidthPoint", "find_peak", "width_path"]
