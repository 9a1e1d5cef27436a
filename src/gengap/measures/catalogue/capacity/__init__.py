"""Capacity: counts of parameters and the VC dimension."""
