"""Gradients of single examples: formed, or only their norms and inner products, for anybody's network."""

from gengap.network.gradients.checks import check_examples, check_independent, prepared, trainable
from gengap.network.gradients.explicit import available_bytes, chunks, per_example_gradients
from gengap.network.gradients.losses import Loss, example_losses
from gengap.network.gradients.norms import GradientNorms, gradient_gram, gradient_norm_report, gradient_norms
from gengap.network.gradients.reader import BatchGradients, GradientReader, NotFiniteError

__all__ = [
    # Gradients formed
    "per_example_gradients",
    # Norms and inner products
    "GradientNorms",
    "gradient_gram",
    "gradient_norm_report",
    "gradient_norms",
    # Batch after batch
    "BatchGradients",
    "GradientReader",
    # Losses and what is checked
    "Loss",
    "NotFiniteError",
    "available_bytes",
    "check_examples",
    "check_independent",
    "chunks",
    "example_losses",
    "prepared",
    "trainable",
]
