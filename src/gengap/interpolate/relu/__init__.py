"""Theorem 1 of Zhang et al. 2017: two layers of ReLUs with 2n + d weights fit any labels."""

from gengap.interpolate.relu.interpolator import ReLUInterpolator
from gengap.interpolate.relu.triangular import LemmaMatrix, lemma_matrix

__all__ = ["LemmaMatrix", "ReLUInterpolator", "lemma_matrix"]
