"""Measurements inside a user's own training loop.

``gengap.monitors.lightning`` and ``gengap.monitors.transformers`` hold the same as callbacks; each needs its library.
"""

from gengap.monitors.normalised_loss import NormalisedLossMonitor, Record

__all__ = ["NormalisedLossMonitor", "Record"]
