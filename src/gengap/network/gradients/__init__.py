"""Gradients of single examples: formed, or only their norms and inner products, for anybody's network."""

from gengap.network.gradients.batch_gradients import BatchGradients
from gengap.network.gradients.calls import reached
from gengap.network.gradients.checks import (
    TOLERANCE,
    NotFiniteError,
    check_examples,
    check_scores,
    prepared,
    trainable,
    without_gradient,
)
from gengap.network.gradients.explicit import available_bytes, chunks, per_example_gradients, scaled_gradients
from gengap.network.gradients.independence import check_independent, random_layers
from gengap.network.gradients.losses import Loss, example_losses
from gengap.network.gradients.norms import GradientNorms, gradient_gram, gradient_norm_report, gradient_norms
from gengap.network.gradients.reader import GradientReader
from gengap.network.gradients.remembered import with_smaller_batches
from gengap.network.gradients.scaled import (
    NO_GRADIENT,
    ScaledLosses,
    checked_scale,
    saturated,
    saturation_reason,
    scaled_losses,
)

__all__ = [
    # Gradients formed
    "per_example_gradients",
    "scaled_gradients",
    # Norms and inner products
    "GradientNorms",
    "gradient_gram",
    "gradient_norm_report",
    "gradient_norms",
    # Batch after batch
    "BatchGradients",
    "GradientReader",
    "with_smaller_batches",
    # Confident networks
    "NO_GRADIENT",
    "ScaledLosses",
    "checked_scale",
    "saturated",
    "saturation_reason",
    "scaled_losses",
    # Losses and what is checked
    "Loss",
    "NotFiniteError",
    "TOLERANCE",
    "available_bytes",
    "check_examples",
    "check_independent",
    "check_scores",
    "chunks",
    "example_losses",
    "prepared",
    "random_layers",
    "reached",
    "trainable",
    "without_gradient",
]
