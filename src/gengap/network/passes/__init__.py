"""Passes over the training examples, which measures share."""

from gengap.network.passes.evaluation import (
    Evaluation,
    GradientSums,
    accuracies,
    evaluate,
    evaluate_with_gradients,
    low_margin,
    margins,
)
from gengap.network.passes.layer_inputs import LayerInput, per_example_layers

__all__ = [
    # A pass over all examples
    "Evaluation",
    "GradientSums",
    "evaluate",
    "accuracies",
    "evaluate_with_gradients",
    # Margins
    "margins",
    "low_margin",
    # What enters each layer
    "LayerInput",
    "per_example_layers",
]
