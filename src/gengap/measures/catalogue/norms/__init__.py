"""Norms of weights and their distance from initialisation."""
