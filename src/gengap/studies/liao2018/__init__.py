"""Liao, Miranda, Hidary and Poggio 2018: networks of equal training loss and different test loss, normalised."""
