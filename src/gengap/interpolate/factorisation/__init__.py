"""Low rank against low norm: matrix factorisation from a small start, and what it is measured against."""

from gengap.interpolate.factorisation.descent import Factorised, deep_descent, psd_descent, rank_constrained
from gengap.interpolate.factorisation.measurements import (
    Measurements,
    effective_rank,
    entry_measurements,
    gaussian_measurements,
    low_rank,
    nuclear_norm,
    recovery_error,
)
from gengap.interpolate.factorisation.nuclear import NuclearSolution, minimum_nuclear_norm

__all__ = [
    # Matrices and measurements
    "low_rank",
    "Measurements",
    "gaussian_measurements",
    "entry_measurements",
    # Descent from a small start
    "psd_descent",
    "deep_descent",
    "Factorised",
    "rank_constrained",
    # The least nuclear norm
    "minimum_nuclear_norm",
    "NuclearSolution",
    # What solutions are compared by
    "nuclear_norm",
    "effective_rank",
    "recovery_error",
]
