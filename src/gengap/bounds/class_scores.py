"""The scores that a network gives to inputs of a Problem."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gengap.bounds.inputs import Floats

if TYPE_CHECKING:
    from torch import nn

    from gengap.data import Problem

_BATCH = 1000


def class_scores(model: "nn.Module", problem: "Problem", x: NDArray[Any]) -> Floats:
    """Scores [N, C] of stored inputs [N, ...], preprocessed as the Problem declares, in the mode the network is in."""
    import torch

    from gengap.data import preprocess

    like = next(model.parameters())
    parts = []
    with torch.no_grad():
        for start in range(0, len(x), _BATCH):
            inputs = preprocess(x[start : start + _BATCH], problem.preprocessing)
            parts.append(model(torch.from_numpy(inputs).to(like)).double().cpu().numpy())
    return np.concatenate(parts)
