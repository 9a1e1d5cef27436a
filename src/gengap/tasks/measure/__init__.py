"""``measure``: every complexity measure of a network whose weights are in a file."""

from gengap.tasks.files import saved_network
from gengap.tasks.measure.task import Measurements, measure_saved
from gengap.tasks.measure.words import note_text, quoted, value_text

__all__ = ["Measurements", "measure_saved", "note_text", "quoted", "saved_network", "value_text"]
