"""Tries every fault and attack and writes the table: ``python docs/results/trust/faults/make.py [GROUP …]``."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from table import main  # noqa: E402

if __name__ == "__main__":
    main(HERE, sys.argv[1:])
