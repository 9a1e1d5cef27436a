"""Four learners, each as an interpolator and regularised, with the strength chosen on held-out labels.

The held-out part is the last fifth of the training examples, with their noisy labels, as a user would have it. The
regularised learner is then fitted to all of them. Of equals the strongest regularisation is taken.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gengap.arrays import Floats

Labels = NDArray[np.int64]

BANDWIDTHS = {"gaussian": 5.0, "laplacian": 10.0}  # in units of the points
# All from the strongest to the weakest regularisation.
RIDGES = tuple(10.0 ** (power / 2) for power in range(8, -9, -1))
STEPS = tuple(4**power for power in range(13))
NEIGHBOURS = (257, 129, 65, 33, 17, 9, 5, 3, 1)
LEAVES = (100, 30, 10, 3)  # least examples in a leaf
HELD_OUT = 5  # one in so many


@dataclass(frozen=True)
class Fit:
    """What one fit says.

    Attributes:
        train, test: Classes that it gives training and test points.
        strength: Of the regularisation that was chosen; None of an interpolator.
        held_out_error: With that strength, on the held-out labels; None of an interpolator.
        residual: Largest relative error in the equations of a kernel machine; None of others.
    """

    train: Labels
    test: Labels
    strength: float | None = None
    held_out_error: float | None = None
    residual: float | None = None


class Choice(NamedTuple):
    """The strength with the fewest errors on the held-out labels: its position, and the fraction of errors."""

    position: int
    error: float


@dataclass(frozen=True)
class Task:
    """Points of both splits, and several labellings of the training points.

    Attributes:
        x, x_test: ``[n, d]`` and ``[m, d]``.
        labels: One ``[n]`` for each level of noise.
        n_classes: C.
        random_state: Seed of what is random in a learner.
        trees: Of a forest.
    """

    x: Floats
    x_test: Floats
    labels: Sequence[Labels]
    n_classes: int
    random_state: int
    trees: int

    @property
    def codes(self) -> Floats:
        """All labellings as indicator vectors beside each other, ``[n, levels C]``."""
        return np.concatenate([np.eye(self.n_classes)[labels] for labels in self.labels], axis=1)

    def classes(self, scores: Floats) -> list[Labels]:
        """For each labelling the class of the largest score; scores are ``[m, levels C]``."""
        return [part.argmax(axis=1) for part in np.split(scores, len(self.labels), axis=1)]

    def without_held_out(self) -> "Task":
        """All but the last fifth of the training points, with that fifth as the test points."""
        n = len(self.x) - len(self.x) // HELD_OUT
        rest = [labels[:n] for labels in self.labels]
        return Task(self.x[:n], self.x[n:], rest, self.n_classes, self.random_state, self.trees)

    def strongest_of_best(self, held_out: Sequence[Sequence[Labels]]) -> list[Choice]:
        """For each labelling the strength with fewest errors on the held-out labels, the first of equals.

        Args:
            held_out: For each strength, strongest first, and each labelling the classes of the held-out points.
        """
        n = len(self.x) - len(self.x) // HELD_OUT
        choices = []
        for level, labels in enumerate(self.labels):
            errors = [float(np.mean(classes[level] != labels[n:])) for classes in held_out]
            best = int(np.argmin(errors))
            choices.append(Choice(best, errors[best]))
        return choices


Learner = Callable[[Task], dict[str, list[Fit]]]


def interpolants(task: Task, kernel: str) -> list[Fit]:
    """The interpolants of least norm, one for each labelling."""
    from gengap.interpolate import KernelInterpolator

    exact = KernelInterpolator(kernel, BANDWIDTHS[kernel]).fit(task.x, task.codes)
    both = [task.classes(exact.predict(x)) for x in (task.x, task.x_test)]
    return [Fit(train, test, residual=exact.residual_) for train, test in zip(*both, strict=True)]


def kernel_machine(task: Task, kernel: str) -> dict[str, list[Fit]]:
    """The interpolant of least norm, ridge regression and gradient descent that is stopped early."""
    from gengap.interpolate.kernel import KernelSpectrum, early_stopping, ridge

    bandwidth = BANDWIDTHS[kernel]
    fits = {"interpolating": interpolants(task, kernel)}
    part = task.without_held_out()
    smaller, whole = KernelSpectrum(part.x, kernel, bandwidth), KernelSpectrum(task.x, kernel, bandwidth)
    makers: dict[str, tuple[Callable[[Any], Any], Sequence[float]]] = {
        "ridge": (ridge, RIDGES),
        "early stopping": (early_stopping, STEPS),
    }
    for name, (make, strengths) in makers.items():
        filters = [make(strength) for strength in strengths]
        held_out = [task.classes(scores) for scores in smaller.predict(part.x_test, part.codes, filters)]
        best = task.strongest_of_best(held_out)
        needed = sorted({choice.position for choice in best})
        chosen = [filters[index] for index in needed]
        said = [
            {index: task.classes(scores) for index, scores in zip(needed, predictions, strict=True)}
            for predictions in (whole.predict(x, task.codes, chosen) for x in (task.x, task.x_test))
        ]
        fits[name] = [
            Fit(said[0][index][level], said[1][index][level], float(strengths[index]), error)
            for level, (index, error) in enumerate(best)
        ]
    return fits


def nearest_neighbours(task: Task) -> dict[str, list[Fit]]:
    """One neighbour, and as many as err least on held-out labels; of equal votes the first class wins."""
    part = task.without_held_out()
    counts = [k for k in NEIGHBOURS if k <= len(part.x)]
    best = task.strongest_of_best(_votes(part, part.x_test, counts))
    train, test = (_votes(task, x, counts) for x in (task.x, task.x_test))
    one = counts.index(1)
    return {
        "interpolating": [Fit(train[one][level], test[one][level]) for level in range(len(task.labels))],
        "more neighbours": [
            Fit(train[index][level], test[index][level], float(counts[index]), error)
            for level, (index, error) in enumerate(best)
        ],
    }


def _votes(task: Task, x: Floats, counts: Sequence[int]) -> list[list[Labels]]:
    """For each number of neighbours and each labelling the classes of points x."""
    from sklearn.neighbors import NearestNeighbors

    order = (
        NearestNeighbors(n_neighbors=max(counts), algorithm="brute").fit(task.x).kneighbors(x, return_distance=False)
    )
    votes, done, said = np.zeros((len(x), task.codes.shape[1])), 0, {}
    codes = task.codes
    for count in sorted(counts):
        for column in range(done, count):
            votes += codes[order[:, column]]
        said[count], done = task.classes(votes), count
    return [said[count] for count in counts]


def forest(task: Task) -> dict[str, list[Fit]]:
    """A random forest without bootstrap whose trees fit every label, and one with as large leaves as err least."""
    from sklearn.ensemble import RandomForestClassifier

    from gengap.interpolate.trees import forests

    part = task.without_held_out()

    def grown(least: int, x: Floats, labels: Labels) -> Any:
        return RandomForestClassifier(
            task.trees, bootstrap=False, min_samples_leaf=least, random_state=task.random_state
        ).fit(x, labels)

    held_out = [[grown(least, part.x, labels).predict(part.x_test) for labels in part.labels] for least in LEAVES]
    fits: dict[str, list[Fit]] = {"interpolating": [], "larger leaves": []}
    for labels, (index, error) in zip(task.labels, task.strongest_of_best(held_out), strict=True):
        exact = forests(task.trees, task.random_state)["random-forest"].fit(task.x, labels)
        fits["interpolating"].append(Fit(exact.predict(task.x), exact.predict(task.x_test)))
        chosen = grown(LEAVES[index], task.x, labels)
        strength = float(LEAVES[index])
        fits["larger leaves"].append(Fit(chosen.predict(task.x), chosen.predict(task.x_test), strength, error))
    return fits
