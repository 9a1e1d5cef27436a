"""Shuffled positions: one permutation for all sequences of tokens."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.corruptions.registry import Draw, input_corruption


@input_corruption("shuffled-positions", inputs="tokens")
def shuffled_positions(x: NDArray[Any], indices: NDArray[np.int64], draw: Draw) -> NDArray[Any]:
    """Sequences whose positions are permuted, by one permutation for training and test sequences alike.

    A token moves with its mask. What ``shuffled-pixels`` is for images.
    """
    order = draw.once("shuffled-positions").permutation(x.shape[-1])
    return np.take(x, order, axis=-1)
