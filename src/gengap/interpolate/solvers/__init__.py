"""K alpha = y for a kernel matrix that may not fit in memory."""

from gengap.interpolate.solvers.choice import SOLVERS, Plan, plan
from gengap.interpolate.solvers.memory import PeakMemory, available_bytes
from gengap.interpolate.solvers.progress import Report, reporting
from gengap.interpolate.solvers.solution import Solution, solve
from gengap.interpolate.solvers.tiles import KernelTiles

__all__ = [
    "SOLVERS",
    "KernelTiles",
    "PeakMemory",
    "Plan",
    "Report",
    "Solution",
    "available_bytes",
    "plan",
    "reporting",
    "solve",
]
