"""How fast gengap is against what a good user writes without it: ``python -m benchmarks [NAME …]``, or ``make bench``.

Each benchmark prints its lines of one table and writes ``benchmarks/results/NAME.json``: ratios of runs that took
turns, their times, the machine and the versions.
"""
