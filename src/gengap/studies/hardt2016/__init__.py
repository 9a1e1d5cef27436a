"""Hardt, Recht and Singer 2016: train faster, generalize better."""
