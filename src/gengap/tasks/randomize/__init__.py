"""``randomize``: the randomization test of a recipe."""

from gengap.tasks.randomize.page import randomize_page
from gengap.tasks.randomize.task import LEVELS, Randomization, randomize
from gengap.tasks.randomize.words import lead, verdict

__all__ = ["LEVELS", "Randomization", "lead", "randomize", "randomize_page", "verdict"]
