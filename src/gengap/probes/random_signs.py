"""Empirical Rademacher complexity from below, by training on random signs: the randomization test in disguise."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gengap.arrays import Floats
from gengap.bounds import level
from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.network.inputs import class_scores
from gengap.seeds import generator, stream
from gengap.train import Execution, Recipe, train


class RademacherEstimate(NamedTuple):
    """A lower estimate of an empirical Rademacher complexity: it may refute a promise, never make one.

    Attributes:
        value: The mean correlation with random signs that training reached.
        lower: The complexity is at least this, with probability 1 - delta over the signs.
        correlations: What was reached for each draw.
        n: Examples; the estimate speaks of this number.
    """

    value: float
    lower: float
    correlations: tuple[float, ...]
    n: int


def rademacher_by_training(
    fit: Callable[[NDArray[np.int64], int], ArrayLike], n: int, *, draws: int = 3, delta: float = 0.05, seed: int = 0
) -> RademacherEstimate:
    r"""What a learner reaches of :math:`E_\sigma \sup_h \frac1n \sum_i \sigma_i h(x_i)`.

    No learner exceeds the supremum. The mean over B draws of the suprema is within :math:`\sqrt{2 \ln(1/\delta)/(nB)}`
    of the complexity with probability 1 - delta, because one sign moves it by 2/(nB) at most (McDiarmid); so the mean
    reached, less that, is a lower confidence limit from the first draw on.

    Source: Zhang et al. 2017, section 2.2; the definition without absolute value or factor 2.

    Args:
        fit: From signs +-1, shape (n,), and the number of the draw to h(x_i) in [-1, 1], shape (n,).
        n: Examples, at least 1.
        draws: B, at least 1.
        delta: Probability that ``lower`` is too high, in (0, 1).
        seed: Seed of the signs.

    Raises:
        InputError: An argument is out of its range, or ``fit`` gives anything but n values in [-1, 1].
    """
    if n < 1 or draws < 1:
        raise InputError(f"n = {n}, draws = {draws}.", expected="at least one example and one draw")
    slack = math.sqrt(-2 * math.log(float(level(1, delta))) / (n * draws))
    correlations = []
    for draw in range(draws):
        signs = 2 * generator(seed, "signs", draw).integers(0, 2, n) - 1
        correlations.append(float(signs @ _unit(fit(signs, draw), n)) / n)
    value = sum(correlations) / draws
    return RademacherEstimate(value, value - slack, tuple(correlations), n)


def network_rademacher(
    problem: Problem,
    recipe: Recipe,
    *,
    draws: int = 3,
    delta: float = 0.05,
    seed: int = 0,
    execution: Execution | None = None,
) -> RademacherEstimate:
    """A lower estimate for the networks of a Recipe on a Problem's training examples, by training on random signs.

    The functions are h(x, y) = +1 where the network errs on (x, y) and -1 where it is right, whose complexity is what
    bounds the error of a classifier of any number of classes. An example with sign -1 keeps its label, one with sign
    +1 gets one of the others at random. With two classes the labels are then random +-1 labels.

    Args:
        problem: Its training split is S; the test split is not used.
        recipe: How to train; it ends early where it says so.
        draws: Sign vectors, one training each.
        delta: Probability that ``lower`` is too high.
        seed: Seed of signs, other labels and training.
        execution: How to compute; None leaves it to ``gengap.train.train``.
    """
    y, C = problem.train.y, problem.n_classes
    untested = problem.take(None, 1)  # training measures the test error each epoch, which nobody asks for here

    def fit(signs: NDArray[np.int64], draw: int) -> ArrayLike:
        away = generator(seed, "other labels", draw).integers(1, C, len(y))
        labels = np.where(signs > 0, (y + away) % C, y)
        changed = untested.derive({"step": "signs", "draw": draw}, train=Split(problem.train.x, labels))
        run = train(changed, recipe, stream(seed, "sign training", draw), execution=execution)
        scores = class_scores(run.model(), problem, problem.train.x)
        return np.where(scores.argmax(axis=1) == y, -1.0, 1.0)

    return rademacher_by_training(fit, len(y), draws=draws, delta=delta, seed=seed)


def _unit(values: ArrayLike, n: int) -> Floats:
    result = np.asarray(values, dtype=np.float64)
    if result.shape != (n,) or not (np.abs(result) <= 1).all():
        raise InputError(f"fit gave values of shape {result.shape}.", expected=f"{n} values in [-1, 1]")
    return result
