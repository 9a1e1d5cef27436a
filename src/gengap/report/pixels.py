"""Images of a data set as PNG."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray


def png_bytes(image: NDArray[Any]) -> bytes:
    """An image as PNG; floats are stretched from their least to their greatest value.

    Args:
        image: ``[C, H, W]`` of uint8 or floats; of other than three channels the first one is shown, in grey.

    >>> png_bytes(np.zeros((1, 2, 2), np.uint8))[1:4]
    b'PNG'
    """
    from PIL import Image

    values = image if image.dtype == np.uint8 else _stretched(image)
    pixels = values.transpose(1, 2, 0) if len(values) == 3 else values[0]
    with io.BytesIO() as stream:
        Image.fromarray(np.ascontiguousarray(pixels)).save(stream, format="PNG", optimize=True)
        return stream.getvalue()


def _stretched(image: NDArray[Any]) -> NDArray[np.uint8]:
    low, high = float(image.min()), float(image.max())
    scale = 255 / (high - low) if high > low else 0.0
    return ((image.astype(np.float64) - low) * scale).round().astype(np.uint8)
