"""Images as scikit-learn sees them: rows of pixels, whose shape a transformer is told."""

from collections.abc import Iterator
from math import prod
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from gengap.errors import InputError

Shape = tuple[int, int, int]
BLOCK_BYTES = 1 << 26  # of the largest array that a map holds for a block of images


def image_shape(given: tuple[int, ...] | None, n_pixels: int) -> Shape:
    """``(C, H, W)`` of images with that many pixels; without one, a row is an image of one line.

    Raises:
        InputError: The shape has not three axes of at least 1, or not so many pixels.
    """
    if given is None:
        return 1, 1, n_pixels
    if len(given) != 3 or min(given) < 1 or prod(given) != n_pixels:
        raise InputError(
            f"image_shape = {tuple(given)} for rows of {n_pixels} values.",
            expected=f"(channels, height, width) with a product of {n_pixels}",
        )
    channels, height, width = given
    return channels, height, width


def blocks(rows: int, bytes_per_row: int) -> Iterator[slice]:
    """Slices of as many rows as fit in ``BLOCK_BYTES``, at least one."""
    size = max(1, BLOCK_BYTES // max(1, bytes_per_row))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def check_positive(**values: float) -> None:
    """Refuses parameters that are not above 0.

    Raises:
        InputError: One is not; it is named.
    """
    for name, value in values.items():
        if not 0 < value < np.inf:
            raise InputError(f"{name} = {value}.", expected="a number above 0")


def check_whole(**values: int) -> None:
    """Refuses parameters that are not whole numbers of at least 1.

    Raises:
        InputError: One is not; it is named.
    """
    for name, value in values.items():
        if not isinstance(value, Integral) or value < 1:
            raise InputError(f"{name} = {value}.", expected="a whole number of at least 1")


def zca_matrix(rows: NDArray[np.float64], epsilon: float) -> NDArray[np.float64]:
    """(C + epsilon I)^(-1/2) of the covariance C of centred rows ``[n, d]``: symmetric, ``[d, d]``."""
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
    return np.asarray((vectors / np.sqrt(np.maximum(values, 0) + epsilon)) @ vectors.T)
