"""Interpolation without a norm: perfect random trees, forests, boosting past zero training error, neighbours."""

from gengap.interpolate.trees.averaging import Averaging, averaging
from gengap.interpolate.trees.boosting import (
    BoostingPoint,
    MarginPoint,
    adaboost_margins,
    boosted_scores,
    boosted_trees,
    first_fit,
    l2_boosting,
)
from gengap.interpolate.trees.forests import PerfectRandomForest, ScaledForest, forests, votes
from gengap.interpolate.trees.neighbours import RAMP_BAYES, neighbour_limit, ramp, true_risk

__all__ = [
    # Forests whose trees interpolate
    "PerfectRandomForest",
    "ScaledForest",
    "forests",
    "votes",
    # Why their average is better than each of them
    "Averaging",
    "averaging",
    # Boosting
    "BoostingPoint",
    "MarginPoint",
    "adaboost_margins",
    "boosted_scores",
    "boosted_trees",
    "first_fit",
    "l2_boosting",
    # Nearest neighbours where the Bayes error is known
    "RAMP_BAYES",
    "neighbour_limit",
    "ramp",
    "true_risk",
]
