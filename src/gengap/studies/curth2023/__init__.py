"""Curth, Jeffares and van der Schaar 2023: double descent against an effective number of parameters."""
