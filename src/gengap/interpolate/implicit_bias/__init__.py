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
    "Descent",
    "DirectionPoint",
    "FarSolution",
    "HardMargin",
    "far_solutions",
    "hard_margin",
    "kernel_sgd",
    "logistic_direction",
    "loss_hessian",
    "memorising_weights",
    "nearest_interpolator",
    "null_space_part",
    "sgd",
]
