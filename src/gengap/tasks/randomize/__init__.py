"""``randomize``: the randomization test of a recipe, of a training of one's own, or of results from elsewhere."""

from gengap.tasks.randomize.page import randomize_page
from gengap.tasks.randomize.task import LEVELS, Randomization, from_results, randomize
from gengap.tasks.randomize.words import lead, verdict

__all__ = ["LEVELS", "Randomization", "from_results", "lead", "randomize", "randomize_page", "verdict"]
