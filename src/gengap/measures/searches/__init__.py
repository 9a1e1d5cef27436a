"""Searches for the largest perturbation of the weights that costs little accuracy, and the bounds they enter."""

from gengap.measures.searches.errors import drop_error, scale_error, slope
from gengap.measures.searches.flatness import Flatness
from gengap.measures.searches.largest_scale import Search, largest_scale
from gengap.measures.searches.perturbable import BACKWARD, Perturbable
from gengap.measures.searches.sharpness import sharpness_search
from gengap.measures.searches.sigma import DRAWS, MAGNITUDE_EPS, TARGET, TOLERANCE, noisy, sigma_search

__all__ = [
    # searches
    "Flatness",
    "Search",
    "largest_scale",
    "sharpness_search",
    "sigma_search",
    # what they search in
    "BACKWARD",
    "Perturbable",
    "noisy",
    # constants of the papers
    "DRAWS",
    "MAGNITUDE_EPS",
    "TARGET",
    "TOLERANCE",
    # standard errors
    "drop_error",
    "scale_error",
    "slope",
]
