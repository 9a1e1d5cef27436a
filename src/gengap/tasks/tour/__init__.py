"""The tour: every headline claim on embedded data, in minutes, ending in one page."""

from gengap.tasks.tour.stop import Setting
from gengap.tasks.tour.task import Tour, tour

__all__ = ["Setting", "Tour", "tour"]
