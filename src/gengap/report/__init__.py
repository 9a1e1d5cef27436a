"""Reports: a page of text, tables and charts, written as one HTML file with pictures, CSV and JSON beside it."""

from gengap.report import charts
from gengap.report.charts import OURS, PAPER, marked_by_convergence
from gengap.report.csv_text import csv_text
from gengap.report.folder import check_folder, make_folder, write_text
from gengap.report.formulas import formatted
from gengap.report.histories import loss_points, steps_per_epoch
from gengap.report.page import (
    Block,
    Fact,
    Facts,
    Figure,
    Formatted,
    Page,
    Picture,
    Pictures,
    Section,
    Table,
    Text,
    fragment,
    write_page,
)
from gengap.report.pixels import png_bytes
from gengap.report.plain import PERCENT, percent, plain
from gengap.report.site import SitePage, write_site
from gengap.report.theme import PALETTE, blend

__all__ = [
    # pages and what stands on them
    "Block",
    "Fact",
    "Facts",
    "Figure",
    "Formatted",
    "Page",
    "Picture",
    "Pictures",
    "Section",
    "SitePage",
    "Table",
    "Text",
    "csv_text",
    "formatted",
    "fragment",
    "check_folder",
    "make_folder",
    "png_bytes",
    "write_page",
    "write_text",
    "write_site",
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
]
