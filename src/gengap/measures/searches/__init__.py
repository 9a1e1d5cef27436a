"""Searches for the largest perturbation of the weights that costs little accuracy, and the bounds they enter."""

from gengap.measures.searches.flatness import Flatness
from gengap.measures.searches.largest_scale import Search, largest_scale
from gengap.measures.searches.perturbable import Perturbable
from gengap.measures.searches.sharpness import sharpness_search
from gengap.measures.searches.sigma import DRAWS, MAGNITUDE_EPS, TARGET, TOLERANCE, sigma_search

__all__ = [
    "DRAWS",
    "MAGNITUDE_EPS",
    "TARGET",
    "TOLERANCE",
    "Flatness",
    "Perturbable",
    "Search",
    "largest_scale",
    "sharpness_search",
    "sigma_search",
]
