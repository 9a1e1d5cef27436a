"""Random labels."""

import numpy as np
from numpy.typing import NDArray

from gengap.data.corruptions.labels import labels
from gengap.data.corruptions.registry import Draw, label_corruption


@label_corruption("random-labels", graded=False)
def random_labels(n: int, n_classes: int, level: float, draw: Draw) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Every label is replaced by a class drawn uniformly: ``labels`` at level 1, with the same draws.

    Source: Zhang et al. 2017 (arXiv:1611.03530), Section 2, "random labels".
    """
    return labels(n, n_classes, level, draw)
