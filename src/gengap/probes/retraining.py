"""Memorisation and influence by retraining on subsets: what an example's presence in training changes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gengap.arrays import Floats, Ints
from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.network.inputs import class_scores
from gengap.seeds import generator, stream
from gengap.train import (
    Execution,
    Recipe,
    Run,
    chosen_execution,
    faster_together,
    resolve_device,
    train,
    train_replicas,
)

REPLICAS = 8  # trainings in one step


@dataclass(frozen=True)
class Memorisation:
    """Memorisation of N training examples and their influence on M test examples, from K trainings.

    Attributes:
        included: Whether training k used example n, bool ``[K, N]``.
        correct: Whether its network classifies the training examples correctly, bool ``[K, N]``.
        test_correct: The same for the test examples, bool ``[K, M]``.
    """

    included: NDArray[np.bool_]
    correct: NDArray[np.bool_]
    test_correct: NDArray[np.bool_]

    @property
    def scores(self) -> Floats:
        """``P(correct on n | n was used) - P(correct on n | n was not)``, ``[N]``; NaN where one of them was never.

        Source: Feldman and Zhang 2020 (arXiv:2008.03703), equation 1.
        """
        return self._difference(self.correct)[0]

    @property
    def errors(self) -> Floats:
        """Standard error of each score over the draw of the trainings, ``[N]``; NaN with fewer than two of a kind.

        ``sqrt(a (1 - a) / (m + 2) + b (1 - b) / (l + 2))`` with ``a = (k + 1) / (m + 2)`` of the m trainings that used
        the example, k of them right on it, and b alike of the l others. One success and one failure added to each kind
        keep the error above 0 where all trainings agree: it is too large where both probabilities are 0 or 1, and too
        small where trainings of a kind are few. Two errors cover the true difference, at even probabilities and in the
        worst case, with 87.5 % and 68 % for 2 and 2 trainings, 75 % and 72 % for 3 and 2, 85 % and 80 % for 8 and 4,
        93 % and 85 % for 28 and 12; subsets that are drawn leave some examples with only 2 of a kind.

        Source: Agresti and Caffo 2000, The American Statistician 54(4), 280-288.
        """
        return self._difference(self.correct)[1]

    @property
    def rms_error(self) -> float:
        """Root mean square of the errors that are known; NaN where none is."""
        errors = self.errors
        known = errors[np.isfinite(errors)]
        return float(np.sqrt(np.square(known).mean())) if len(known) else float("nan")

    def influence(self, test: int) -> tuple[Floats, Floats]:
        """Each training example's influence on one test example, and its standard error, each ``[N]``.

        ``P(correct on the test example | n was used) - P(correct on it | n was not)``.

        Source: Feldman and Zhang 2020 (arXiv:2008.03703), equation 2.
        """
        if not 0 <= test < self.test_correct.shape[1]:
            raise InputError(f"Test example {test}.", expected=f"0 to {self.test_correct.shape[1] - 1}")
        return self._difference(np.broadcast_to(self.test_correct[:, test : test + 1], self.included.shape))

    def _difference(self, correct: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        parts = []
        with np.errstate(divide="ignore", invalid="ignore"):
            for used in (self.included, ~self.included):
                count = used.sum(0).astype(np.float64)
                right = (correct & used).sum(0)
                smoothed = (right + 1) / (count + 2)
                parts.append((right / count, smoothed * (1 - smoothed) / (count + 2)))
            value = parts[0][0] - parts[1][0]
            error = np.sqrt(parts[0][1] + parts[1][1])
        known = np.minimum(self.included.sum(0), (~self.included).sum(0)) > 1
        return value, np.where(known, error, np.nan)


def memorisation(
    problem: Problem,
    recipe: Recipe,
    *,
    trainings: int = 40,
    fraction: float = 0.7,
    seed: int = 0,
    together: bool | None = None,
    execution: Execution | None = None,
) -> Memorisation:
    """Memorisation and influence from trainings on random subsets of the training split.

    The estimate from few trainings varies: its standard error stands beside each score.

    Source: Feldman and Zhang 2020 (arXiv:2008.03703), section 2.2, with subsets of 70 %.

    Args:
        problem: Whose training examples are scored; influence is on its test examples.
        recipe: How to train.
        trainings: K, at least 4.
        fraction: Part of the training examples in each subset, in (0, 1).
        seed: Of the subsets and the trainings.
        together: Whether trainings are replicas of one step, some at a time; None takes the faster way, see
            ``gengap.train.faster_together``.
        execution: How to compute; None leaves it to ``gengap.train.train``.

    Raises:
        InputError: An argument out of its range, or a training that diverged.
    """
    N = len(problem.train)
    size = round(fraction * N) if 0 < fraction < 1 else 0
    if trainings < 4 or not 0 < size < N:
        raise InputError(
            f"{trainings} trainings, each on a part of {fraction:g} of {N} examples.",
            expected="at least 4, each on some but not all: a fraction between 0 and 1",
        )
    subsets = [np.sort(generator(seed, "subset", k).permutation(N)[:size]) for k in range(trainings)]
    included = np.zeros((trainings, N), dtype=bool)
    for k, subset in enumerate(subsets):
        included[k, subset] = True
    runs = _trained(problem, recipe, subsets, seed, together, execution)
    return Memorisation(included, *_correct(runs, problem))


def check_converged(runs: Sequence[Run]) -> None:
    """Sees that no training diverged.

    Raises:
        InputError: Some did.
    """
    lost = [run.reason for run in runs if run.status == "diverged"]
    if lost:
        raise InputError(
            f"{len(lost)} of {len(runs)} trainings diverged: {lost[0]}.", next_step="take a smaller learning rate"
        )


def leave_one_out(
    problem: Problem,
    recipe: Recipe,
    *,
    indices: Ints | None = None,
    repeats: int = 2,
    seed: int = 0,
    execution: Execution | None = None,
) -> Memorisation:
    """The same by leaving out one example at a time: for small sets, with ``repeats`` trainings each.

    Trainings of one repeat share their seed, so that they differ in nothing else. An example that is left out in no
    training has no score.

    Args:
        problem: Whose training examples are scored.
        recipe: How to train.
        indices: The examples left out, each once; None for all.
        repeats: Seeds, at least 2.
        seed: Of the trainings.
        execution: How to compute.

    Raises:
        InputError: Fewer than two repeats, no, unknown or repeated examples, or a training that diverged.
    """
    N = len(problem.train)
    chosen = np.arange(N) if indices is None else np.asarray(indices)
    are_indices = chosen.ndim == 1 and chosen.size > 0 and np.issubdtype(chosen.dtype, np.integer)
    repeated = len(np.unique(chosen)) < chosen.size
    if repeats < 2 or not are_indices or repeated or chosen.min() < 0 or chosen.max() >= N or N < 2:
        raise InputError(
            f"{repeats} repeats, indices of shape {chosen.shape} and type {chosen.dtype} into {N} examples.",
            expected=f"at least 2 repeats, and some of the whole numbers from 0 to {N - 1}, each once",
        )
    subsets = [np.delete(np.arange(N), n) for n in chosen]
    included = np.ones((repeats * len(chosen), N), dtype=bool)
    runs: list[Run] = []
    for repeat in range(repeats):
        for k, n in enumerate(chosen):
            included[repeat * len(chosen) + k, n] = False
        runs += _trained(problem, recipe, subsets, stream(seed, "leave one out", repeat), None, execution, same=True)
    return Memorisation(included, *_correct(runs, problem))


def _trained(
    problem: Problem,
    recipe: Recipe,
    subsets: list[Ints],
    seed: int,
    together: bool | None,
    execution: Execution | None,
    *,
    same: bool = False,
) -> list[Run]:
    few = problem.take(None, 1)  # the recipe need not measure the test error
    problems = [
        few.derive(
            {"step": "subset", "seed": seed, "training": k, "size": len(subset), "same": same},
            train=Split(problem.train.x[subset], problem.train.y[subset]),
        )
        for k, subset in enumerate(subsets)
    ]
    seeds = [seed if same else stream(seed, "memorisation", k) for k in range(len(subsets))]
    execution = execution or chosen_execution(problem, recipe, resolve_device("auto"))
    if together is None:
        together = faster_together(problem, recipe, min(REPLICAS, len(problems)), execution)
    if not together:
        return [train(p, recipe, s, execution=execution) for p, s in zip(problems, seeds, strict=True)]
    runs: list[Run] = []
    for start in range(0, len(problems), REPLICAS):
        part = slice(start, start + REPLICAS)
        trios = [(p, recipe, s) for p, s in zip(problems[part], seeds[part], strict=True)]
        runs += train_replicas(trios, execution=execution)
    return runs


def _correct(runs: list[Run], problem: Problem) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    check_converged(runs)
    result = []
    for split in (problem.train, problem.test):
        result.append(np.stack([class_scores(run.model(), problem, split.x).argmax(1) == split.y for run in runs]))
    return result[0], result[1]
