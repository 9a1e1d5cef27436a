"""Two Gaussians, whose Bayes error is known."""

import math

from gengap import seeds
from gengap.arguments import real_number, whole_number
from gengap.data.problem import Problem
from gengap.data.split import Split


def two_gaussians(n_train: int, n_test: int, *, distance: float = 2.0, n_features: int = 50, seed: int = 0) -> Problem:
    """Two equally likely classes, normal with unit covariance; their means lie on the first axis, at a distance.

    ``two_gaussians_bayes_error(distance)`` is the smallest error that any rule has on it.

    Source: the two synthetic data sets of Belkin, Ma and Mandal 2018 (arXiv:1802.01396), at distances 10 and 2 in 50
    dimensions, as others report of them.

    Args:
        n_train: Training examples, at least 1.
        n_test: Test examples, at least 1.
        distance: Of the means, in standard deviations, at least 0.
        n_features: Dimension, at least 1; all coordinates but the first say nothing.
        seed: Of points and labels.

    Raises:
        InputError: A number out of its range.
    """
    distance = real_number(distance, "distance", least=0)
    sizes = {"train": whole_number(n_train, "n_train"), "test": whole_number(n_test, "n_test")}
    n_features = whole_number(n_features, "n_features")
    splits = {}
    for name, n in sizes.items():
        rng = seeds.generator(seed, "two-gaussians", name)
        y = rng.integers(0, 2, n)
        x = rng.standard_normal((n, n_features))
        x[:, 0] += distance * (y - 0.5)
        splits[name] = Split(x, y)
    origin = f"made by gengap: two Gaussians in {n_features} dimensions, {distance:g} apart, seed {seed}"
    return Problem("two-gaussians", splits["train"], splits["test"], ("0", "1"), origin)


def two_gaussians_bayes_error(distance: float) -> float:
    """Phi(-distance / 2): the least error on ``two_gaussians``, that of the sign of the first coordinate.

    Args:
        distance: Of the means, in standard deviations, at least 0.

    Raises:
        InputError: The distance is out of its range.

    >>> round(two_gaussians_bayes_error(2.0), 4), two_gaussians_bayes_error(0.0)
    (0.1587, 0.5)
    """
    return math.erfc(real_number(distance, "distance", least=0) / math.sqrt(8)) / 2


def error_on_noisy_labels(error: float, level: float, n_classes: int) -> float:
    """Expected error of a rule on labels of which each is redrawn evenly with probability ``level``.

    (1 - level) error + level (1 - 1/C). It rises with ``error``, so the best rule stays the best at every level below
    1, and with the Bayes error in place of the error this is the Bayes error that the noise implies.

    Args:
        error: On the true labels, in [0, 1].
        level: Probability that a label is redrawn, in [0, 1]; it may be redrawn as it was.
        n_classes: C, at least 2.

    Raises:
        InputError: A number out of its range.

    >>> round(error_on_noisy_labels(0.0, 0.2, 10), 4), error_on_noisy_labels(0.3, 1.0, 2)
    (0.18, 0.5)
    """
    error, level = real_number(error, "error", least=0, most=1), real_number(level, "level", least=0, most=1)
    n_classes = whole_number(n_classes, "n_classes", least=2)
    return (1 - level) * error + level * (1 - 1 / n_classes)
