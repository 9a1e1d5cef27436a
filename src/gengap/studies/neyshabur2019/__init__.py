"""Neyshabur et al. 2019."""
