"""Images as scikit-learn sees them: rows of pixels, whose shape is an argument of the transformer."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.arguments import shown, whole_number
from gengap.errors import InputError

Shape = tuple[int, int, int]
_MOST = 1e15  # of absolute values
BLOCK_BYTES = 1 << 26  # of the largest array that a map holds for a block of images


def image_shape(given: Any, n_pixels: int) -> Shape:
    """``(C, H, W)`` of images with that many pixels; without one, a row is an image of one line.

    Raises:
        InputError: The shape has not three axes of at least 1, or not so many pixels.
    """
    if given is None:
        return 1, 1, n_pixels
    wrong = InputError(
        f"image_shape = {shown(given)} for rows of {n_pixels} values.",
        expected=f"(channels, height, width) with a product of {n_pixels}",
    )
    if not isinstance(given, tuple | list) or len(given) != 3:
        raise wrong
    channels, height, width = (whole_number(side, "image_shape") for side in given)
    if prod((channels, height, width)) != n_pixels:
        raise wrong
    return channels, height, width


def float32_images(points: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Rows as images of a shape, float32.

    Raises:
        InputError: Their largest value is so large or so small that float32 does not hold its square or its reciprocal.
    """
    largest = float(np.abs(points).max(initial=0.0))
    if largest > _MOST or 0 < largest < 1 / _MOST:
        raise InputError(
            f"The largest value of the images is {largest:.2g}; features are computed in float32.",
            expected=f"0, or from {1 / _MOST:g} to {_MOST:g}",
            next_step="rescale the images",
        )
    return np.ascontiguousarray(points, np.float32).reshape(shape)


def blocks(rows: int, bytes_per_row: int) -> Iterator[slice]:
    """Slices of as many rows as fit in ``BLOCK_BYTES``, at least one."""
    size = max(1, BLOCK_BYTES // max(1, bytes_per_row))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def zca_matrix(rows: NDArray[np.float64], epsilon: float) -> NDArray[np.float64]:
    """(C + epsilon I)^(-1/2) of the covariance C of centred rows ``[n, d]``: symmetric, ``[d, d]``.

    Raises:
        InputError: The covariance is beyond float64.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        covariance = rows.T @ rows / len(rows)
    if not np.isfinite(covariance).all():
        raise InputError("The covariance of the features is beyond float64.", next_step="rescale the features")
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors / np.sqrt(np.maximum(values, 0) + epsilon)) @ vectors.T)
