"""Random pixels: a permutation for each image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.corruptions.registry import Draw, input_corruption


@input_corruption("random-pixels")
def random_pixels(x: NDArray[Any], indices: NDArray[np.int64], draw: Draw) -> NDArray[Any]:
    """Images whose pixels are permuted, each image by a permutation of its own, drawn independently.

    A pixel moves with all its channels. Of a table ``[N, D]`` the features of each row are permuted.

    Source: Zhang et al. 2017 (arXiv:1611.03530), Section 2, "random pixels".
    """
    flat = x.reshape(*x.shape[:2], -1) if x.ndim == 4 else x
    out = np.empty_like(flat)
    for row, rng in enumerate(draw.examples("random-pixels", indices)):
        order = rng.permutation(flat.shape[-1])
        np.take(flat[row], order, axis=-1, out=out[row], mode="clip")  # "clip" skips the buffer of "raise"
    return out.reshape(x.shape)
