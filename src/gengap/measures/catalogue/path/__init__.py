"""Sums over the paths of a network."""
