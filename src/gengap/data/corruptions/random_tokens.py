"""Random tokens in place of those of each sequence."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.corruptions.registry import Draw, input_corruption
from gengap.data.tokens import MASK, TOKENS


@input_corruption("random-tokens", inputs="tokens")
def random_tokens(x: NDArray[Any], indices: NDArray[np.int64], draw: Draw) -> NDArray[Any]:
    """Sequences whose tokens are drawn uniformly from the vocabulary; padding stays as it is.

    Only the length of a sequence is left of it. What ``gaussian`` is for images.
    """
    out = x.copy()
    for row, rng in enumerate(draw.examples("random-tokens", indices)):
        tokens = rng.integers(0, draw.vocabulary, x.shape[-1])
        if x.ndim == 2:
            out[row] = tokens
        else:
            out[row, TOKENS] = np.where(x[row, MASK] == 1, tokens, x[row, TOKENS])
    return out
