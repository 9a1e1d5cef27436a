"""Reports: a page of text, tables and charts, written as one HTML file with pictures, CSV and JSON beside it."""

from gengap.report.capacity import capacity_page, capacity_table, capacity_verdict
from gengap.report.certify import certificate_page
from gengap.report.charts import OURS, PAPER, marked_by_convergence
from gengap.report.page import Fact, Facts, Figure, Page, Section, Table, Text, make_folder, write_page
from gengap.report.plain import plain
from gengap.report.randomize import (
    condition_colours,
    label_bits,
    loss_points,
    randomize_page,
    steps_per_epoch,
    summarise,
    verdict,
    with_conditions,
)
from gengap.report.theme import PALETTE

__all__ = [
    "OURS",
    "PALETTE",
    "PAPER",
    "Fact",
    "Facts",
    "Figure",
    "Page",
    "Section",
    "Table",
    "Text",
    "capacity_page",
    "capacity_table",
    "capacity_verdict",
    "certificate_page",
    "condition_colours",
    "label_bits",
    "loss_points",
    "make_folder",
    "marked_by_convergence",
    "plain",
    "randomize_page",
    "steps_per_epoch",
    "summarise",
    "verdict",
    "with_conditions",
    "write_page",
]
