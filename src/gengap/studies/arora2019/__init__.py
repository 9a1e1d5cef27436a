"""Arora, Cohen, Hu and Luo 2019: deep matrix factorisation, where low rank and low norm part."""
