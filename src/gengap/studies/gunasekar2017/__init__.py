"""Gunasekar et al. 2017: gradient descent on a factorised matrix and the least nuclear norm."""
