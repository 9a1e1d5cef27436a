"""What training finds by itself: minimum norms, hard margins; and how little a norm need say."""

from gengap.interpolate.implicit_bias.hard_margin import HardMargin, hard_margin
from gengap.interpolate.implicit_bias.least_squares import (
    Descent,
    kernel_sgd,
    loss_hessian,
    nearest_interpolator,
    null_space_part,
    sgd,
)
from gengap.interpolate.implicit_bias.linear_models import FarSolution, far_solutions, memorising_weights
from gengap.interpolate.implicit_bias.separable import DirectionPoint, logistic_direction

__all__ = [
    # Least squares
    "sgd",
    "kernel_sgd",
    "Descent",
    "nearest_interpolator",
    "null_space_part",
    "loss_hessian",
    # Separable data
    "logistic_direction",
    "DirectionPoint",
    "hard_margin",
    "HardMargin",
    # Linear models that memorise
    "memorising_weights",
    "far_solutions",
    "FarSolution",
]
