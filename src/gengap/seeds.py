"""One seed, several independent streams of randomness."""

import zlib

import numpy as np


def stream(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose, e.g. ``stream(7, "order", epoch)``; other purposes get independent ones.

    The same arguments give the same value on every machine: names enter by their CRC-32, numbers as they are,
    both as words of the entropy of a NumPy ``SeedSequence``. A last number of 0 says as much as none.

    Args:
        seed: The user's seed, at least 0.
        purpose: Names and non-negative numbers that tell the stream from others.

    >>> stream(0, "order", 1) == stream(0, "order", 1), stream(0, "order") == stream(0, "labels")
    (True, False)
    """
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in purpose]
    state = np.random.SeedSequence([seed, *words]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def generator(seed: int, *purpose: str | int) -> "np.random.Generator":  # quoted: naming it loads numpy.random
    """A NumPy generator on ``stream(seed, *purpose)``."""
    return np.random.default_rng(stream(seed, *purpose))
