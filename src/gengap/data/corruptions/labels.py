"""Partially corrupted labels."""

import numpy as np
from numpy.typing import NDArray

from gengap.data.corruptions.registry import Draw, label_corruption


@label_corruption("labels", graded=True)
def labels(n: int, n_classes: int, level: float, draw: Draw) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which labels are replaced, each independently with probability ``level``, and by what: a class drawn uniformly.

    Label i is replaced by r_i where u_i < level. u_i, uniform in [0, 1), and r_i are drawn for every example
    whatever the level: labels replaced at 0.2 are among those replaced at 0.4, with the same replacement. r_i may be
    the true class, so with C classes a fraction level (1 - 1/C) ends up wrong.

    Source: Zhang et al. 2017 (arXiv:1611.03530), Section 2, "partially corrupted labels".
    """
    u = draw.once("labels", draw.split, "chosen").random(n)
    replacement = draw.once("labels", draw.split, "replacement").integers(0, n_classes, n)
    return u < level, replacement
