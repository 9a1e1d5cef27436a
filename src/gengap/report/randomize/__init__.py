"""The report of a randomization test."""

from gengap.report.randomize.page import randomize_page
from gengap.report.randomize.summary import label_bits, summarise
from gengap.report.randomize.words import verdict

__all__ = ["label_bits", "randomize_page", "summarise", "verdict"]
