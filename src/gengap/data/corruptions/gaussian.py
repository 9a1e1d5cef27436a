"""Gaussian noise in place of the inputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.corruptions.registry import Draw, input_corruption


@input_corruption("gaussian", moments=True)
def gaussian(x: NDArray[Any], indices: NDArray[np.int64], draw: Draw) -> NDArray[np.float32]:
    """Noise in place of each input, float32: every value is drawn from N(mean, deviation^2) of the training inputs.

    Mean and deviation are two numbers, over all values of all training inputs as stored (divided by 255 where the
    Problem's scale is ``"unit"`` or ``"signed"`` and pixels are bytes). The noise is neither clipped nor rounded.

    Source: Zhang et al. 2017 (arXiv:1611.03530), Section 2, "Gaussian", which does not say whether mean and
    variance are taken for each pixel; one number for all leaves no trace of the images.
    """
    out = np.empty(x.shape, np.float32)
    for row, rng in enumerate(draw.examples("gaussian", indices)):
        rng.standard_normal(dtype=np.float32, out=out[row])
    out *= np.float32(draw.deviation)
    out += np.float32(draw.mean)
    return out
