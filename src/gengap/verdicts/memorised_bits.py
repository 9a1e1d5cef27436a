"""How many bits a network has memorised of random data, and how many it can."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gengap.arguments import finite_array, real_number, whole_number
from gengap.arrays import Floats
from gengap.errors import InputError

NEAR = 0.9  # of the most bits: with fewer at the end, more data are too much for the training
APART = 1.25  # data of the largest amount over those of the one it is compared with, so that little is told from much
STORED = 0.1  # of what one amount of data holds more than another: less is no growth
CHANCE = 0.01  # of the most bits: a step that raises them by less is no growth, however little its data hold more
TOLERANCE = 1e-6  # of rounding, in float32


@dataclass(frozen=True)
class Capacity:
    """The most bits that a network memorised, over amounts of random data.

    A lower estimate of what it can hold: another training may store more.

    Attributes:
        bits: The most that were memorised.
        symbols: How many symbols there were to be memorised there.
        filled: Share of what could be memorised of them that was.
        plateau: Whether the network was the limit at the end of the grid: of the largest amount of data at least 0.9 of
            the most bits are memorised; of what it holds more than the largest amount at most 1 / 1.25 of it, less than
            a tenth; and no step between the two adds both a tenth of what its data hold more and a hundredth of the
            most bits. Else more data might show more bits, or were too much for the training. Bits that grow more
            slowly than this for ever count as a plateau.
    """

    bits: float
    symbols: int
    filled: float
    plateau: bool


def memorised_bits(loss_nats: float, symbols: int, alphabet: int) -> float:
    r"""Bits of random symbols that a network has memorised: :math:`N \log_2 C - \sum_i -\log_2 p(y_i \mid x_i)`.

    The code length of the symbols without the network, less that with it. Symbols that are independent and even over
    the alphabet cannot be predicted from anything else, so all of it was stored. Where the network is worse than
    guessing it is below 0.

    Source: Morris et al. 2025 (arXiv:2505.24832), unintended memorisation of uniform data, by code lengths.

    Args:
        loss_nats: Mean of -ln p over the symbols, at least 0.
        symbols: N, at least 1.
        alphabet: C, at least 2.

    Raises:
        InputError: A number out of its range.

    >>> memorised_bits(0.0, 10, 16), round(memorised_bits(math.log(16), 10, 16), 9)
    (40.0, 0.0)
    """
    loss = real_number(loss_nats, "loss_nats", least=0)
    symbols, alphabet = whole_number(symbols, "symbols"), whole_number(alphabet, "alphabet", least=2)
    return symbols * (math.log2(alphabet) - loss / math.log(2))


def capacity(symbols: Sequence[int], bits: Sequence[float], storable: Sequence[float]) -> Capacity:
    """The most bits over a grid of amounts of data, and whether they have stopped growing with the data.

    Args:
        symbols: N of each training, ascending, at least two.
        bits: What was memorised there, by ``memorised_bits``.
        storable: The most that could be memorised of these data, ascending: N log2 C for labels.

    Raises:
        InputError: A grid that does not ascend, another number of bits, none of them above 0, more than storable.

    >>> capacity([10, 20, 40], [39.0, 50.0, 49.0], [40.0, 80.0, 160.0])
    Capacity(bits=50.0, symbols=20, filled=0.625, plateau=True)
    """
    values, most = finite_array(bits, "bits", ndim=1), finite_array(storable, "storable", ndim=1)
    grid = [whole_number(n, "symbols") for n in np.atleast_1d(symbols)]
    if not 2 <= len(grid) == len(values) == len(most) or any(b <= a for a, b in pairwise(grid)):
        raise InputError(
            f"symbols = {grid} with {len(values)} and {len(most)} numbers of bits.",
            expected="two or more, ascending, as many bits",
        )
    if values.max() <= 0 or most.min() <= 0:
        raise InputError(
            f"bits = {values.tolist()} of {most.tolist()}.", expected="some above 0, of data that hold some"
        )
    if (np.diff(most) <= 0).any():
        raise InputError(f"storable = {most.tolist()}.", expected="ascending, as more symbols hold more")
    if (values > most * (1 + TOLERANCE)).any():
        at = int((values / most).argmax())
        raise InputError(f"{values[at]:g} bits of data that hold {most[at]:g}.", expected="no more than they hold")
    best = int(values.argmax())
    largest = float(values[best])
    return Capacity(largest, grid[best], largest / float(most[best]), _full(values, most))


def _full(bits: Floats, storable: Floats) -> bool:
    """Whether bits have stopped growing at the end of the grid, and not fallen."""
    before = np.flatnonzero(storable * APART <= storable[-1])
    if not len(before) or bits[-1] < NEAR * bits.max():
        return False
    start = before[-1]
    if bits[-1] - bits[start] >= STORED * (storable[-1] - storable[start]):
        return False
    steps, held = np.diff(bits[start:]), np.diff(storable[start:])
    return not ((steps >= STORED * held) & (steps >= CHANCE * bits.max())).any()
