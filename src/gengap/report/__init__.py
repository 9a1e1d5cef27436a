"""Reports: a page of text, tables and charts, written as one HTML file with pictures, CSV and JSON beside it."""

from gengap.report import charts
from gengap.report.charts import OURS, PAPER, marked_by_convergence
from gengap.report.csv_text import csv_text
from gengap.report.histories import loss_points, steps_per_epoch
from gengap.report.page import Fact, Facts, Figure, Page, Section, Table, Text, make_folder, write_page
from gengap.report.plain import PERCENT, percent, plain
from gengap.report.theme import PALETTE, blend

__all__ = [
    # pages and what stands on them
    "Fact",
    "Facts",
    "Figure",
    "Page",
    "Section",
    "Table",
    "Text",
    "csv_text",
    "make_folder",
    "write_page",
    # charts
    "OURS",
    "PALETTE",
    "PAPER",
    "blend",
    "charts",
    "loss_points",
    "marked_by_convergence",
    "steps_per_epoch",
    # numbers
    "PERCENT",
    "percent",
    "plain",
    # certificates
]
