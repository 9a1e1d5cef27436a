"""Measurements that train or differentiate: stability by twin runs, random signs."""

from gengap.probes.random_signs import RademacherEstimate, network_rademacher, rademacher_by_training
from gengap.probes.stability import TwinStability, largest_change, twin_stability

__all__ = [
    # Uniform stability
    "TwinStability",
    "largest_change",
    "twin_stability",
    # Rademacher complexity
    "RademacherEstimate",
    "network_rademacher",
    "rademacher_by_training",
]
