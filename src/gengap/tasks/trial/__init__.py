"""Measures on trial: the catalogue's, or a user's own."""

from gengap.tasks.trial.task import TrialAnswer, try_measures

__all__ = ["TrialAnswer", "try_measures"]
