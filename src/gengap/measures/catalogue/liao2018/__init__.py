"""Liao et al. 2018: the product of the layers' norms, and the loss once they are divided out."""
