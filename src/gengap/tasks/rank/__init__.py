"""``rank``: which measure orders a grid of trained networks as their generalization gaps do."""

from gengap.tasks.rank.task import Ranking, rank

__all__ = ["Ranking", "rank"]
