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
    "Factorised",
    "Measurements",
    "NuclearSolution",
    "deep_descent",
    "effective_rank",
    "entry_measurements",
    "gaussian_measurements",
    "low_rank",
    "minimum_nuclear_norm",
    "nuclear_norm",
    "psd_descent",
    "rank_constrained",
    "recovery_error",
]
