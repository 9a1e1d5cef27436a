"""Reading a network: its weight layers, batch norm folded, tied weights once, and what no rule covers."""

from gengap.network.folding import folded
from gengap.network.layers import Walk, WeightLayer, walk
from gengap.network.reading import Reading, read_like, read_network

__all__ = ["Reading", "Walk", "WeightLayer", "folded", "read_like", "read_network", "walk"]
