"""Arpit et al. 2017: a closer look at memorization in deep networks."""
