"""Tries every fault of a sweep, on this machine and on Ray: ``python docs/results/scale/faults/make.py [GROUP …]``."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "trust" / "faults")]

from sweeps import cluster_stopped  # noqa: E402
from table import main  # noqa: E402

if __name__ == "__main__":
    try:
        main(HERE, sys.argv[1:])
    finally:
        cluster_stopped()
