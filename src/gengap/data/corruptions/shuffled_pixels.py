"""Shuffled pixels: one permutation for all images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.corruptions.registry import Draw, input_corruption


@input_corruption("shuffled-pixels")
def shuffled_pixels(x: NDArray[Any], indices: NDArray[np.int64], draw: Draw) -> NDArray[Any]:
    """Images whose pixels are permuted, by one permutation of positions for training and test images alike.

    A pixel moves with all its channels. Of a table ``[N, D]`` the features are permuted.

    Source: Zhang et al. 2017 (arXiv:1611.03530), Section 2, "shuffled pixels".
    """
    flat = x.reshape(*x.shape[:2], -1) if x.ndim == 4 else x
    order = draw.once("shuffled-pixels").permutation(flat.shape[-1])
    return np.take(flat, order, axis=-1).reshape(x.shape)
