"""How fast gengap is against what a good user writes without it: ``python -m benchmarks [NAME …]``, or ``make bench``.

Each benchmark prints its lines of one table and writes ``benchmarks/results/MACHINE/NAME.json``: ratios of runs that
took turns, their times, the machine and the versions. Results of each kind of machine stand side by side.
"""
