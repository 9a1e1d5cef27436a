"""The random order in which betting takes the losses: files are often sorted, and betting depends on the order."""

import hashlib
import secrets

import numpy as np

from gengap.arrays import Floats
from gengap.errors import InputError
from gengap.seeds import generator

_SEED_BITS = 53  # a number that every reader of JSON keeps exactly
_DECIMALS = 9  # losses that differ by less are the same for the order, so that another machine's round-off is too


def fresh_seed() -> int:
    """A seed from the entropy of the system."""
    return secrets.randbits(_SEED_BITS)


def in_random_order(losses: Floats, seed: int) -> Floats:
    """The losses in a random order that depends on the seed and the losses, not on the order given; shape (N,).

    The losses are sorted first, and a hash of them is a part of the permutation's seed: with one seed, different
    losses are permuted independently of each other, so that no seed is bad for a whole family of files.

    Args:
        losses: Shape (N,).
        seed: A whole number of at least 0, chosen without looking at the losses.

    Raises:
        InputError: The seed is negative or not whole.
    """
    if not (isinstance(seed, int) and 0 <= seed < 2**63):
        raise InputError(f"order_seed = {seed!r:.40} cannot be used.", expected="a whole number from 0 to 2^63 - 1")
    ordered = np.sort(losses)
    digest = hashlib.blake2b(np.round(ordered, _DECIMALS).tobytes(), digest_size=8).digest()
    permutation = generator(seed, "certify", "order", int.from_bytes(digest, "little")).permutation(losses.size)
    return np.asarray(ordered[permutation])
