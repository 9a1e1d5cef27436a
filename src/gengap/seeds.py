"""Independent random streams, derived from one seed and the purpose of each."""

import zlib

import numpy as np

from gengap.arguments import whole_number


def stream(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose, such as ``stream(7, "order", epoch)``; different purposes get independent seeds.

    The same arguments give the same value on every machine: names enter by their CRC-32, numbers as they are,
    as the entropy of a NumPy ``SeedSequence``. Trailing zeros are ignored: ``stream(s, "a", 0) == stream(s, "a")``.

    Args:
        seed: The user's seed, at least 0.
        purpose: Names and non-negative integers that identify the stream.

    Raises:
        InputError: The seed is no whole number of at least 0.

    >>> stream(0, "order", 1) == stream(0, "order", 1), stream(0, "order") == stream(0, "labels")
    (True, False)
    >>> stream(0, "order", 0) == stream(0, "order")
    True
    """
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in purpose]
    state = np.random.SeedSequence([whole_number(seed, "seed", least=0), *words]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def generator(seed: int, *purpose: str | int) -> "np.random.Generator":  # quoted: naming it loads numpy.random
    """A NumPy generator on ``stream(seed, *purpose)``."""
    return np.random.default_rng(stream(seed, *purpose))
