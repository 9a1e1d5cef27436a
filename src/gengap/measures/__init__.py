"""Complexity measures of a trained network: every one in a single pass, on any module, each with its source."""

from gengap.measures.normalisation import normalised_loss, normalised_network, product_norm
from gengap.measures.records import Record, record, record_provenance
from gengap.measures.registry import Measure, all_measures, find_measures, register
from gengap.measures.subject import Subject
from gengap.measures.table import measure
from gengap.measures.values import Finding, NotDefined, from_log, skipped

__all__ = [
    # Measuring
    "measure",
    "Subject",
    # The catalogue
    "Measure",
    "register",
    "all_measures",
    "find_measures",
    # How each fared on trial
    "Record",
    "record",
    "record_provenance",
    # Values
    "Finding",
    "NotDefined",
    "from_log",
    "skipped",
    # Liao et al. 2018
    "normalised_loss",
    "normalised_network",
    "product_norm",
]
