"""Neyshabur et al. 2015."""
