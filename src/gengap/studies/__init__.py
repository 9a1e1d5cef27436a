"""The papers: one folder a paper, one file a table or figure of it, which holds the claim, the grid and the numbers."""

from gengap.studies.outcome import Outcome, run_study
from gengap.studies.study import SCALES, Reported, Scale, Study, all_studies, find_studies

__all__ = [
    # Studies
    "Study",
    "Reported",
    "SCALES",
    "Scale",
    "all_studies",
    "find_studies",
    # Running
    "run_study",
    "Outcome",
]
