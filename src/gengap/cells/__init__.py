"""Cells, and the sweeps that turn them into stored rows.

Here science meets machinery: a cell knows how it is trained, the sweep and the store know nothing of training.
"""

from gengap.cells.capacity_trials import Trial, capacity_rows
from gengap.cells.cell import Cell
from gengap.cells.fitted import FitCell, Identified, error_of_all, fitted_rows, repeated
from gengap.cells.trained import device_of, run
from gengap.sweep import Options

__all__ = [
    # one training
    "Cell",
    "Options",
    "device_of",
    "run",
    # one's own trainings
    "FitCell",
    "Identified",
    "fitted_rows",
    "error_of_all",
    "repeated",
    # what a recipe can fit
    "Trial",
    "capacity_rows",
]
