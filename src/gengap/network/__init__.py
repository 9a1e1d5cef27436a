"""Reading anybody's network: its weight layers, what no rule covers, what it is fed, what it returns.

``gengap.network.passes`` holds the passes over all examples that measures share.
"""

from gengap.network.batch_dependence import BatchDependence, batch_dependence
from gengap.network.copies import check_finite, duplicate, in_float64, plain_copy, unwrapped, with_weights
from gengap.network.folding import folded
from gengap.network.gradient_check import gradient_fault
from gengap.network.hidden_weights import HiddenWeights, hidden_weights
from gengap.network.inputs import batches, cast_inputs, class_scores, examples, network_inputs
from gengap.network.layers import UNUSED, Inventory, WeightLayer, inventory
from gengap.network.outputs import output_part, return_scores, scores_of, select_output
from gengap.network.reading import Reading, read_like, read_network
from gengap.network.trace import Trace, trace_network

__all__ = [
    # What a network consists of
    "Reading",
    "read_network",
    "read_like",
    "WeightLayer",
    "Inventory",
    "inventory",
    "UNUSED",
    "folded",
    "Trace",
    "trace_network",
    # What measures of it cannot rely on
    "HiddenWeights",
    "hidden_weights",
    "BatchDependence",
    "batch_dependence",
    "gradient_fault",
    # What it is fed
    "batches",
    "examples",
    "network_inputs",
    "cast_inputs",
    "class_scores",
    # What it returns
    "return_scores",
    "select_output",
    "output_part",
    "scores_of",
    # Copies and weights
    "plain_copy",
    "duplicate",
    "in_float64",
    "unwrapped",
    "with_weights",
    "check_finite",
]
