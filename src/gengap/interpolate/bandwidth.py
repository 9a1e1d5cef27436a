"""A bandwidth for a kernel that was given none."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.errors import InputError

SAMPLE = 1000  # training points whose distances are taken


def median_bandwidth(x: NDArray[Any], kernel: str, seed: int) -> float:
    """Half the median distance between 1,000 random training points; in the 1-norm for ``laplacian-product``.

    On MNIST's pixels in [0, 1] this is about 5, the bandwidth used there in the literature.

    Raises:
        InputError: More than half of the distances are zero.
    """
    from scipy.spatial.distance import pdist

    chosen = np.random.default_rng(seed).permutation(len(x))[:SAMPLE]
    distances = pdist(x[chosen], "cityblock" if kernel == "laplacian-product" else "euclidean")
    median = float(np.median(distances))
    if median == 0:
        raise InputError("Most training examples are equal.", next_step="give --bandwidth, or drop the repeated ones")
    return median / 2
