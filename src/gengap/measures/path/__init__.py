"""Sums over the paths of a network."""

from gengap.measures.path.path_sum import PathSum, path_sum

__all__ = ["PathSum", "path_sum"]
