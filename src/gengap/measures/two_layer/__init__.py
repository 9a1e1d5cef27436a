"""Networks of one hidden layer of ReLUs, for which some papers have finer quantities."""

from gengap.measures.two_layer.data_norms import DataNorms, data_norms, initial_activation
from gengap.measures.two_layer.network import TwoLayer, initial_two_layer, two_layer
from gengap.measures.two_layer.norms import frobenius, largest_row_l1, spectral, sum_of_row_l2

__all__ = [
    "DataNorms",
    "TwoLayer",
    "data_norms",
    "frobenius",
    "initial_activation",
    "initial_two_layer",
    "largest_row_l1",
    "spectral",
    "sum_of_row_l2",
    "two_layer",
]
