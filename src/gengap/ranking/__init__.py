"""Which measure orders networks as their generalization gaps do: statistics over a grid of trained networks."""

from gengap.ranking.concordance import Granulated, granulated_tau, kendall_tau
from gengap.ranking.grid import Grid, grid_from_frame
from gengap.ranking.information import Information, conditional_information, conditioning_sets
from gengap.ranking.pairs import Pairs
from gengap.ranking.rank import PAIRS, rank_measures
from gengap.ranking.sign_error import Environment, SignError, sign_error
from gengap.ranking.uncertainty import FEWEST_SETTINGS, Bootstrap, Interval, information_null

__all__ = [
    # The networks
    "Grid",
    "Pairs",
    "grid_from_frame",
    # Every statistic of every measure
    "PAIRS",
    "rank_measures",
    # Rank correlation
    "Granulated",
    "granulated_tau",
    "kendall_tau",
    # Conditional mutual information
    "Information",
    "conditional_information",
    "conditioning_sets",
    "information_null",
    # Sign-errors over environments
    "Environment",
    "SignError",
    "sign_error",
    # Intervals
    "FEWEST_SETTINGS",
    "Bootstrap",
    "Interval",
]
