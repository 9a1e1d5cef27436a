"""Spectra of weights and the power laws of their tails."""
