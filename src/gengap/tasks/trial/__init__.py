"""Measures on trial: the catalogue's, or a user's own."""

from gengap.tasks.trial.task import TrialAnswer, registered_by, try_measures

__all__ = ["TrialAnswer", "registered_by", "try_measures"]
