"""Measures and capacities of networks of one hidden layer of ReLUs, Neyshabur et al. 2019."""
