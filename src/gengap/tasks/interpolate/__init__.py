"""``interpolate``: fit every training label exactly, and see what that costs on the test set."""

from gengap.tasks.interpolate.task import METHODS, PREPROCESSING, Interpolation, Setting, interpolate

__all__ = ["METHODS", "PREPROCESSING", "Interpolation", "Setting", "interpolate"]
