"""Random positions: a permutation for each sequence of tokens."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.corruptions.registry import Draw, input_corruption
from gengap.data.tokens import MASK, TOKENS


@input_corruption("random-positions", inputs="tokens")
def random_positions(x: NDArray[Any], indices: NDArray[np.int64], draw: Draw) -> NDArray[Any]:
    """Sequences whose tokens are permuted, each by a permutation of its own; padding stays where it is.

    Which tokens a sequence has, and how often, stays. What ``random-pixels`` is for images.
    """
    out = x.copy()
    for row, rng in enumerate(draw.examples("random-positions", indices)):
        order = rng.permutation(x.shape[-1])
        if x.ndim == 2:
            out[row] = x[row, order]
            continue
        there = x[row, MASK] == 1
        out[row, TOKENS, there] = x[row, TOKENS, order[there[order]]]
    return out
