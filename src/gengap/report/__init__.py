"""Reports: a page of text, tables and charts, written as one HTML file with pictures, CSV and JSON beside it."""

from gengap.report.json_text import json_ready, json_text
from gengap.report.page import Fact, Facts, Figure, Page, Section, Table, Text, make_folder, write_page
from gengap.report.randomize import label_bits, randomize_page, summarise, verdict
from gengap.report.study import Artifact, Comparison, study_page

__all__ = [
    "Artifact",
    "Comparison",
    "Fact",
    "Facts",
    "Figure",
    "Page",
    "Section",
    "Table",
    "Text",
    "json_ready",
    "json_text",
    "label_bits",
    "make_folder",
    "randomize_page",
    "study_page",
    "summarise",
    "verdict",
    "write_page",
]
