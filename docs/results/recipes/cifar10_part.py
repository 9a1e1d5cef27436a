"""The first training and test images of CIFAR-10 as a file: ``python docs/results/recipes/cifar10_part.py FILE N``."""

import sys

import numpy as np

from gengap.data import load


def main(path: str, n: str) -> None:
    """Writes N images of each split, bytes ``[N, 3, 32, 32]``."""
    part = load("cifar10").take(int(n), int(n))
    arrays = {f"{name}_{split}": getattr(getattr(part, split), name) for split in ("train", "test") for name in "xy"}
    np.savez(path, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
