"""The report of a randomization test."""

from gengap.report.randomize.conditions import condition_colours, with_conditions
from gengap.report.randomize.page import randomize_page
from gengap.report.randomize.points import loss_points, steps_per_epoch
from gengap.report.randomize.summary import label_bits, summarise
from gengap.report.randomize.words import verdict

__all__ = [
    "condition_colours",
    "label_bits",
    "loss_points",
    "randomize_page",
    "steps_per_epoch",
    "summarise",
    "verdict",
    "with_conditions",
]
