"""``capacity``: what the classical measures of capacity promise for a recipe's networks."""

from gengap.tasks.capacity.task import Capacity, Trial, capacity
from gengap.tasks.capacity.words import capacity_verdict

__all__ = ["Capacity", "Trial", "capacity", "capacity_verdict"]
