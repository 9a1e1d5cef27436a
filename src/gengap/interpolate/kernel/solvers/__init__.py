"""K alpha = y for a kernel matrix that may not fit in memory."""

from gengap.interpolate.kernel.solvers.choice import SOLVERS, Plan, plan
from gengap.interpolate.kernel.solvers.cost import predicted_seconds
from gengap.interpolate.kernel.solvers.solution import Solution, solve
from gengap.interpolate.kernel.solvers.tiles import KernelTiles, PhaseProgress

__all__ = ["SOLVERS", "KernelTiles", "PhaseProgress", "Plan", "Solution", "plan", "predicted_seconds", "solve"]
