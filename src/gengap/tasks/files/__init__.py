"""Files that strangers wrote: weights, models, arrays and histories, read without running anything that they hold."""

from gengap.tasks.files.arrays import read_array, read_probabilities
from gengap.tasks.files.history import read_history
from gengap.tasks.files.models import is_estimator, opened_model
from gengap.tasks.files.networks import saved_network
from gengap.tasks.files.stated_accuracy import StatedAccuracy, expected_accuracy, stated_accuracy
from gengap.tasks.files.weights import read_weights

__all__ = [
    "StatedAccuracy",
    "expected_accuracy",
    "is_estimator",
    "opened_model",
    "read_array",
    "read_history",
    "read_probabilities",
    "read_weights",
    "saved_network",
    "stated_accuracy",
]
