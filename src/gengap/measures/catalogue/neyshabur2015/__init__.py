"""Norms of Neyshabur, Tomioka and Srebro 2015: of paths, of units, and of one hidden layer."""
