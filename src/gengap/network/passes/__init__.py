"""The one pass over the training examples that measures share."""

from gengap.network.passes.gradient_sums import GradientSums
from gengap.network.passes.layer_inputs import LayerInput, with_a_row_for_each_example
from gengap.network.passes.margins import low_margin, margins
from gengap.network.passes.one_pass import Evaluation, evaluate, evaluate_with_gradients

__all__ = [
    "Evaluation",
    "GradientSums",
    "LayerInput",
    "evaluate",
    "evaluate_with_gradients",
    "low_margin",
    "margins",
    "with_a_row_for_each_example",
]
