"""Reading a network: its weight layers, batch norm folded, tied weights once, and what no rule covers."""

from gengap.measures.network.fold_batch_norm import folded
from gengap.measures.network.layers import Walk, WeightLayer, walk
from gengap.measures.network.reading import Reading, read_like, read_network

__all__ = ["Reading", "Walk", "WeightLayer", "folded", "read_like", "read_network", "walk"]
