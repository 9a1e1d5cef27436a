"""Jiang et al. 2020: fantastic generalization measures and where to find them."""
