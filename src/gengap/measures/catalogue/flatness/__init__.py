"""Flatness: how far the weights can be perturbed before accuracy falls, by noise or at worst."""
