"""Measures on trial: ever more random labels, and changes that leave the test error alone."""

from gengap.ranking.trial.networks import CHANGES, LEVELS, SEEDS, Tried, trial_networks
from gengap.ranking.trial.trial import Trial, judged, trial

__all__ = [
    # The trial
    "Trial",
    "trial",
    "judged",
    # Its networks
    "CHANGES",
    "LEVELS",
    "SEEDS",
    "Tried",
    "trial_networks",
]
