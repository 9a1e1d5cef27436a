"""Cells, and the sweep that turns them into stored rows.

Here science meets machinery: a cell knows how it is trained, the sweep and the store know nothing of training.
"""

from gengap.cells.capacity import Trial, capacity_rows
from gengap.cells.cell import Cell
from gengap.cells.running import Options, run

__all__ = ["Cell", "Options", "Trial", "capacity_rows", "run"]
