"""Double descent: where a curve of risks peaks, and networks of growing width."""

from gengap.interpolate.double_descent.peak import Peak, find_peak

__all__ = ["Peak", "find_peak"]
