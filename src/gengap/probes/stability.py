"""Uniform stability from below, by twin runs: two trainings whose sets differ in one example."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from gengap.arrays import Floats
from gengap.bounds import unit_losses
from gengap.data import Problem
from gengap.errors import InputError
from gengap.network.inputs import class_scores
from gengap.probes.twin_runs import distances, replaced
from gengap.seeds import generator
from gengap.train import Execution, Recipe, Run, train


class TwinStability(NamedTuple):
    """Lower estimates of uniform stability under replacing an example: they may refute a promise, never make one.

    Attributes:
        zero_one: The largest change of a 0-1 loss seen, 0 or 1.
        probability: The largest change seen of 1 - p(label), with p the softmax of the scores.
        changed: The part of test predictions that changed, mean over twins.
        distance: Distance of the twins' parameters over the root of the sum of their squared norms, mean over twins.
        train_error: Of the first network, on its training set.
        test_error: Of the first network, on the test set.
        twins: How many runs were set against it.
        n: Examples each was trained on; the estimate speaks of this number.
    """

    zero_one: float
    probability: float
    changed: float
    distance: float
    train_error: float
    test_error: float
    twins: int
    n: int


def largest_change(losses: ArrayLike, twin_losses: ArrayLike) -> float:
    """The largest change of a loss between a run and its twins, a lower bound on the stability of what trained them.

    Args:
        losses: Losses in [0, 1] of the run, shape (K, Z) or (Z,).
        twin_losses: Losses of K twins on the same examples, shape (K, Z).

    Raises:
        InputError: There is none, or one lies outside [0, 1].

    >>> largest_change([0.0, 0.5], [[0.0, 0.75], [0.5, 0.5]])
    0.5
    """
    return float(np.abs(unit_losses(twin_losses) - unit_losses(losses)).max())


def twin_stability(
    problem: Problem,
    recipe: Recipe,
    *,
    twins: int = 3,
    seed: int = 0,
    execution: Execution | None = None,
) -> TwinStability:
    """Lower estimates of the uniform stability of a Recipe with its seed fixed, by twin runs.

    The last ``twins`` training examples are set aside. A first network is trained on the others; each twin on the same
    examples but one, chosen at random, in whose place stands one that was set aside. Initialisation, order and
    augmentation come from the same seed, so that training is a function of its examples. Changes of loss are sought
    over the test set and over the examples that went and came.

    Source: Hardt, Recht and Singer 2016, section 5, for the twins and for the normalised distance.

    Args:
        problem: What to train and to test on; more training examples than ``twins``.
        recipe: How to train.
        twins: Runs set against the first, at least 1.
        seed: Seed of all runs, and of the places of the examples replaced.
        execution: How to compute; None leaves it to ``gengap.train.train``.

    Raises:
        InputError: Too few examples, or fewer than one twin.
    """
    n = len(problem.train) - twins
    if twins < 1 or n < 1:
        raise InputError(f"{twins} twins and {len(problem.train)} examples.", expected="1 <= twins < examples")
    places = generator(seed, "twins").choice(n, size=twins)
    first = train(problem.take(n, 1), recipe, seed, execution=execution)  # training need not measure the test error
    own = _scores(first, problem)
    changes = []
    for k, place in enumerate(places):
        run = train(replaced(problem.take(None, 1), n, int(place), n + k), recipe, seed, execution=execution)
        change = _change(own, _scores(run, problem), problem, [int(place), n + k])
        changes.append(change | {"distance": distances(first.model(), run.model())[""]})
    labels = np.concatenate([problem.train.y, problem.test.y])
    wrong = own.argmax(axis=1) != labels
    return TwinStability(
        zero_one=max(change["zero_one"] for change in changes),
        probability=max(change["probability"] for change in changes),
        changed=float(np.mean([change["changed"] for change in changes])),
        distance=float(np.mean([change["distance"] for change in changes])),
        train_error=float(wrong[:n].mean()),
        test_error=float(wrong[len(problem.train) :].mean()),
        twins=twins,
        n=n,
    )


def _scores(run: Run, problem: Problem) -> Floats:
    """Scores of all training examples, those set aside among them, and all test examples."""
    return class_scores(run.model(), problem, np.concatenate([problem.train.x, problem.test.x]))


def _change(own: Floats, twin: Floats, problem: Problem, differing: list[int]) -> dict[str, float]:
    """Changes between two networks, over the test set and the examples in which their training sets differ."""
    labels = np.concatenate([problem.train.y, problem.test.y])
    tested = np.arange(len(problem.train), len(labels))
    seen = np.concatenate([differing, tested])
    before, after = (_losses(scores[seen], labels[seen]) for scores in (own, twin))
    changed = own[tested].argmax(axis=1) != twin[tested].argmax(axis=1)
    return {
        "zero_one": largest_change(before[0], after[0]),
        "probability": largest_change(before[1], after[1]),
        "changed": float(changed.mean()),
    }


def _losses(scores: Floats, labels: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The 0-1 losses and the losses 1 - p(label)."""
    own = softmax(scores, axis=1)[np.arange(len(labels)), labels]
    return (scores.argmax(axis=1) != labels).astype(np.float64), np.clip(1 - own, 0.0, 1.0)
