"""Chatterjee 2020 and Chatterjee and Zielinski 2020: coherent gradients, and descent without weak directions."""
