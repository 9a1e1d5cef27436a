"""Interpolation without a norm: perfect random trees, forests, boosting past zero training error, neighbours."""

from gengap.interpolate.trees.averaging import Averaging, averaging, forests, votes
from gengap.interpolate.trees.boosting import BoostingPoint, MarginPoint, adaboost_margins, first_fit, l2_boosting
from gengap.interpolate.trees.neighbours import RAMP_BAYES, neighbour_limit, ramp, true_risk
from gengap.interpolate.trees.pert import PerfectRandomForest

__all__ = [
    "RAMP_BAYES",
    "Averaging",
    "BoostingPoint",
    "MarginPoint",
    "PerfectRandomForest",
    "adaboost_margins",
    "averaging",
    "first_fit",
    "forests",
    "l2_boosting",
    "neighbour_limit",
    "ramp",
    "true_risk",
    "votes",
]
