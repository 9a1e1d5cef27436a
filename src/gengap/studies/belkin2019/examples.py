"""The examples of all of the paper's studies."""

from typing import TYPE_CHECKING

from gengap.studies.study import Scale

if TYPE_CHECKING:
    from gengap.data import Points


def examples(scale: Scale, sizes: tuple[int, int | None], noise: float, seed: int) -> "Points":
    """The first examples of MNIST, at smoke scale of the embedded digits, with pixels in [0, 1], float64.

    Args:
        scale: Of the study.
        sizes: Training and test examples; None takes all.
        noise: Probability with which each training label is redrawn.
        seed: Of the noise.
    """
    import numpy as np

    from gengap.data import as_points, load

    problem = load("digits" if scale == "smoke" else "mnist", scale="unit").take(*sizes)
    if noise:
        problem = problem.corrupt("labels", level=noise, seed=seed)
    return as_points(problem, np.float64)
