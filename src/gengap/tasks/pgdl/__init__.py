"""PGDL: folders of trained networks, and the competition's score of every measure on them."""

from gengap.tasks.pgdl.making import make_zoo, planned
from gengap.tasks.pgdl.task import ZooScores, score_zoo
from gengap.tasks.pgdl.zoo import Entry, Zoo, read_zoo

__all__ = ["Entry", "Zoo", "ZooScores", "make_zoo", "planned", "read_zoo", "score_zoo"]
