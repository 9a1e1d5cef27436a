"""Files that strangers wrote: weights and histories of training, read without running anything that they hold."""

from gengap.tasks.files.history import read_history
from gengap.tasks.files.networks import saved_network
from gengap.tasks.files.weights import read_weights

__all__ = ["read_history", "read_weights", "saved_network"]
