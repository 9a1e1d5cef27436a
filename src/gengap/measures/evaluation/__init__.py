"""The one pass over the training examples that measures share."""

from gengap.measures.evaluation.gradient_sums import GradientSums
from gengap.measures.evaluation.history import steps_until
from gengap.measures.evaluation.layer_inputs import LayerInput, with_a_row_for_each_example
from gengap.measures.evaluation.margins import low_margin, margins
from gengap.measures.evaluation.one_pass import Evaluation, evaluate, evaluate_with_gradients

__all__ = [
    "Evaluation",
    "GradientSums",
    "LayerInput",
    "evaluate",
    "evaluate_with_gradients",
    "low_margin",
    "margins",
    "steps_until",
    "with_a_row_for_each_example",
]
